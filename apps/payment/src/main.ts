import 'reflect-metadata';
import { Database } from '@oneq/database';
import { type Announcer, type Logger, runMain, runService } from '@oneq/service-kit';
import { AppModule } from './app.module';
import { readConfig } from './config';

runMain('payment', async () => {
  const config = readConfig();
  const module = (log: Logger, announcer: Announcer) => AppModule.with(config, log, announcer);
  await runService('payment', config, module, (app) => app.get(Database).ping());
});
