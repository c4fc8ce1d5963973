/** Wakes this process's worker when there may be something to deliver; it would find it by itself half a second later. */
export class WebhookNudge {
  private wake: () => void = () => {};

  /** Who is to be woken. */
  wakes(wake: () => void): void {
    this.wake = wake;
  }

  nudge(): void {
    this.wake();
  }
}
