import { Controller, Get } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Health } from '@oneq/contracts';
import { Readiness } from './readiness';

@Controller('health')
@ApiExcludeController()
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  @Get('live')
  live(): Health {
    return { status: 'ok' };
  }

  @Get('ready')
  ready(): Promise<Health> {
    return this.readiness.check();
  }
}
