import 'reflect-metadata';
import { Database } from '@oneq/database';
import { runMain, runService } from '@oneq/service-kit';
import { AppModule } from './app.module';
import { readConfig } from './config';

runMain('affiliation', async () => {
  const config = readConfig();
  await runService('affiliation', config, (log, announcer) => AppModule.with(config, log, announcer), Database);
});
