import { Controller, Get, Header, Headers } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { preferredLanguage } from '../http/problem';
import { ERROR_STYLESHEET, errorPage } from './error-page';

@Controller('docs')
@ApiExcludeController()
export class ErrorsController {
  @Get('errors')
  @Header('content-type', 'text/html; charset=utf-8')
  errors(@Headers('accept-language') language: string | undefined): string {
    return errorPage(preferredLanguage(language));
  }

  @Get('errors.css')
  @Header('content-type', 'text/css; charset=utf-8')
  stylesheet(): string {
    return ERROR_STYLESHEET;
  }
}
