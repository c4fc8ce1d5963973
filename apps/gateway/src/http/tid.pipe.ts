import type { PipeTransform } from '@nestjs/common';
import { OneQError, TID } from '@oneq/contracts';

/** A path segment that is no tid names nothing. */
export class TidPipe implements PipeTransform<string, string> {
  transform(tid: string): string {
    if (!TID.test(tid)) throw new OneQError('NOT_FOUND');
    return tid;
  }
}
