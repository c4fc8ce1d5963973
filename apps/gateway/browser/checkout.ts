/** What the payer's pages do beyond links and forms. */
import { sendOnce } from './forms.js';
import { keypad } from './keypad.js';
import { leave } from './leave.js';
import { follow, followSurroundings } from './live.js';
import { retry } from './retry.js';
import { start } from './swap.js';
import { timer } from './timer.js';

followSurroundings();
start([leave, timer, sendOnce, keypad, retry, follow]);
