import 'reflect-metadata';
import { runMain, runService } from '@oneq/service-kit';
import { AppModule } from './app.module';
import { readConfig } from './config';

runMain('affiliation', async () => {
  const config = readConfig();
  await runService('affiliation', config, (log) => AppModule.with(config, log));
});
