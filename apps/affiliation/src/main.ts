import { hello } from '@oneq/contracts';
console.log(hello);
