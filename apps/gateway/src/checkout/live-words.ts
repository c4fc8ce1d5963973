/** What the scripts of a page say, in the page's language; imports nothing, so that the browser's scripts share the type. */
export interface LiveWords {
  readonly opened: string;
  /** Confirmed, and this page goes on to the shop. */
  readonly authenticated: string;
  /** Confirmed, and the PC goes on. */
  readonly authenticatedOnPc: string;
  readonly lost: string;
  readonly back: string;
  /** What is left of a time. `{m}`, `{s}`: minutes, and seconds in two digits. */
  readonly minutesAndSeconds: string;
  /** In the last minute. */
  readonly seconds: string;
  readonly fiveMinutesLeft: string;
  readonly oneMinuteLeft: string;
  /** `{n}`: digits entered. */
  readonly entered: string;
  readonly digitKeyHint: string;
  readonly busy: string;
  readonly checking: string;
  /** The service did not answer again; `{s}`: seconds until the next try. */
  readonly retryIn: string;
}

export const LIVE_WORDS = {
  ko: {
    opened: '휴대폰에서 화면을 열었어요',
    authenticated: '결제를 확인했어요. 주문 화면으로 돌아갈게요.',
    authenticatedOnPc: '결제를 확인했어요. PC에서 계속돼요. 이 창은 닫아도 돼요.',
    lost: '연결이 잠시 끊겼어요. 다시 연결하고 있어요.',
    back: '다시 연결했어요.',
    minutesAndSeconds: '{m}분 {s}초',
    seconds: '{s}초',
    fiveMinutesLeft: '5분 남았어요',
    oneMinuteLeft: '1분 남았어요',
    entered: '6자리 중 {n}자리',
    digitKeyHint: '화면의 숫자를 눌러 주세요. 키보드로 치려면 키보드로 입력하기를 골라 주세요.',
    busy: '확인하고 있어요',
    checking: '결과를 확인하고 있어요. 두 번 결제되지 않으니 조금만 기다려 주세요.',
    retryIn: '{s}초 뒤에 다시 해 볼게요.',
  },
  en: {
    opened: 'Opened on your phone',
    authenticated: 'Payment confirmed. Taking you back to your order.',
    authenticatedOnPc: 'Payment confirmed. Continue on your PC. You can close this page.',
    lost: 'Connection lost for a moment. Reconnecting…',
    back: 'Reconnected.',
    minutesAndSeconds: '{m} min {s} s',
    seconds: '{s} s',
    fiveMinutesLeft: '5 minutes left',
    oneMinuteLeft: '1 minute left',
    entered: '{n} of 6 digits',
    digitKeyHint: 'Press the digits on the screen. To type, choose Type it instead.',
    busy: 'Checking…',
    checking: "Checking the result. Please wait. You won't be charged twice.",
    retryIn: "We'll try again in {s} seconds.",
  },
} as const satisfies Record<'ko' | 'en', LiveWords>;
