import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

const INTRODUCTION = `원큐페이 결제 API. 요청은 application/x-www-form-urlencoded;charset=utf-8(또는 같은 항목의 JSON), 응답은 JSON입니다.
시각은 모두 서울 시각 \`YYYY.MM.DD HH:mm:ss\`이고, 오류는 [오류 코드](/docs/errors)를 따릅니다. 샌드박스에서는 가맹점의 모든 POST에
\`OneQ-Test-Code: <오류 코드>\` 헤더를 보내 그 오류를, \`TIMEOUT_AFTER_COMMIT\`으로 응답 유실을 연습할 수 있습니다.

The OneQ Pay API. Requests are forms (or JSON with the same fields), answers are JSON. Every time is Seoul time,
\`YYYY.MM.DD HH:mm:ss\`. Every call of a merchant that moves money is safe to send again, unchanged, after any answer or none. In sandbox mode
the header \`OneQ-Test-Code: <error code>\` on any POST of a merchant rehearses that error, and \`TIMEOUT_AFTER_COMMIT\` a lost reply.`;

/** `GET /docs` (Swagger UI) and `GET /openapi.json`. */
export function serveDocuments(app: INestApplication, publicUrl: string): void {
  const config = new DocumentBuilder()
    .setTitle('OneQ Pay API')
    .setDescription(INTRODUCTION)
    .setVersion('1.0')
    .addServer(publicUrl)
    .addBearerAuth({ type: 'http', description: 'the merchant’s secret key, sk_test_… or sk_live_…' }, 'secret_key')
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, config), {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'OneQ Pay API',
  });
}
