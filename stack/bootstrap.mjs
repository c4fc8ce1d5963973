#!/usr/bin/env node
/**
 * What the npm scripts call: makes a fresh clone ready (installs, builds) and runs a command. Plain JavaScript without
 * dependencies, because it runs when nothing is installed yet.
 */
import { spawn } from 'node:child_process';
import { closeSync, linkSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isInstalled, sourceStamp } from './stamp.mjs';

const NODE_MIN = [20, 19];
const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const CACHE = path.join(ROOT, '.cache');
const BUILD_STAMP = path.join(ROOT, 'dist', '.stamp');
const LOCK_POLL_MS = 100;
const OUTPUT_LINES_MAX = 60;

/** What each command needs before it runs, and what it runs. */
const COMMANDS = {
  start: {
    needs: [install, build],
    run: start,
    help: 'run the whole platform on this machine',
    helpFile: 'stack/start.txt',
  },
  test: { needs: [install, build], run: test, help: 'run the tests; arguments go to jest' },
  check: { needs: [install], run: check, help: 'formatting, lint, types, dependency rules, dead code' },
  operator: {
    needs: [install, build],
    run: operator,
    ownHelp: true,
    help: 'invite, suspend, limit merchants; open wallets',
  },
  bench: {
    needs: [install, build],
    run: bench,
    help: 'measure it; for a machine that has nothing else to do',
    helpFile: 'bench/bench.txt',
  },
  audit: {
    needs: [install, build],
    run: audit,
    help: 'count the rows that break the money invariants',
    helpFile: 'audit/audit.txt',
  },
  faults: {
    needs: [install, build],
    run: faults,
    help: 'faults of every kind against a running stack for twenty minutes, with a table; FAULTS_SEED repeats a run',
  },
  fuzz: {
    needs: [install, build],
    run: fuzz,
    help: 'bodies by a coverage-guided fuzzer (Jazzer.js) for 60 s; arguments go to libFuzzer; on Linux it needs glibc 2.38',
  },
  build: { needs: [install, build], run: async () => 0, help: 'install and build only' },
};

const TOOLS = {
  nest: 'node_modules/@nestjs/cli/bin/nest.js',
  jest: 'node_modules/jest/bin/jest.js',
  tsc: 'node_modules/typescript/bin/tsc',
  swc: 'node_modules/@swc/cli/bin/swc.js',
};

/** Compiling empties dist, so the pages' files come second. */
const BUILDS = [
  ['Building', TOOLS.nest, 'build', 'gateway'],
  ['Building the pages', 'apps/gateway/build-assets.mjs'],
  ['Preparing a database', 'dist/stack/src/prepare.js'],
];

const CHECKS = [
  ['format and lint', 'node_modules/@biomejs/biome/bin/biome', 'check'],
  ['types', TOOLS.tsc, '--noEmit', '-p', '.'],
  ['types of the browser scripts', TOOLS.tsc, '--noEmit', '-p', 'apps/gateway/browser'],
  ['types of the browser tests', TOOLS.tsc, '--noEmit', '-p', 'test/browser'],
  [
    'dependency rules',
    'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
    'apps',
    'libs',
    'stack',
    'bench',
    'audit',
    '--config',
    '.dependency-cruiser.cjs',
  ],
  ['dead code', 'node_modules/knip/bin/knip.js'],
];

/** A failure that the message explains to the person at the terminal. */
class Failure extends Error {}

/** The child that a signal has to reach; a second signal finds it gone. */
let child;
/** Exit code after the signal that came, undefined while none did. */
let interrupted;

// Whoever read along may have left (`npm start | head`); that is no reason to leave things half done.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

for (const [signal, number] of [
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGTERM', 15],
]) {
  process.on(signal, () => {
    interrupted = 128 + number;
    endChild(signal);
  });
}

main(process.argv.slice(2)).then(
  (code) => process.exit(interrupted ?? code),
  (error) => {
    if (interrupted === undefined) console.error(error instanceof Failure ? error.message : error);
    process.exit(interrupted ?? 1);
  },
);

async function main([name, ...args]) {
  if (!isNodeRecent()) {
    throw new Failure(
      `OneQ Pay needs Node.js ${NODE_MIN.join('.')} or newer; this is ${process.versions.node}. Get it from https://nodejs.org`,
    );
  }
  if (name === undefined || name === '--help' || name === '-h') {
    printHelp();
    return name === undefined ? 1 : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new Failure(`There is no command ${name}; there are ${Object.keys(COMMANDS).join(', ')}.`);
  if (!command.ownHelp && (args.includes('--help') || args.includes('-h'))) {
    printCommandHelp(name, command);
    return 0;
  }

  process.chdir(ROOT);
  const unlock = await lock();
  try {
    for (const step of command.needs) await step();
  } finally {
    unlock();
  }
  return command.run(args);
}

function isNodeRecent() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
}

function printHelp() {
  console.log('Usage: npm start, npm test, npm run <command>; or node stack/bootstrap.mjs <command> [arguments]\n');
  for (const [name, { help }] of Object.entries(COMMANDS)) console.log(`  ${name.padEnd(10)}${help}`);
  console.log('\nEach installs and builds first when something changed; <command> --help tells more.');
}

function printCommandHelp(name, { help, helpFile }) {
  if (helpFile) console.log(readFileSync(path.join(ROOT, helpFile), 'utf8').trimEnd());
  else console.log(`${name}: ${help}`);
  if (name === 'check') console.log(CHECKS.map(([title]) => `  ${title}`).join('\n'));
  if (name === 'test') console.log('  for example: npm test -- --testPathPatterns stack');
}

async function install() {
  if (isInstalled(ROOT)) return;
  // npm tells where it is when it runs us; started otherwise, it is looked up.
  const npm = process.env.npm_execpath;
  const isNpm = npm !== undefined && path.basename(npm).startsWith('npm');
  const program = isNpm ? [process.execPath, npm] : ['npm'];
  const failed = await runLogged('Installing dependencies', 'install.log', [
    ...program,
    'ci',
    '--include=dev',
    '--no-audit',
    '--no-fund',
  ]);
  if (failed?.includes('EUSAGE')) {
    throw new Failure(
      `${failed}\npackage.json and package-lock.json do not agree: run npm install, then the same command again.`,
    );
  }
  if (failed) {
    throw new Failure(
      `${failed}\nThe dependencies could not be installed. Connect to the npm registry, or set npm's registry or proxy ` +
        '(npm config set registry …, npm config set proxy …), then run the same command again.',
    );
  }
}

async function build() {
  const stamp = sourceStamp(ROOT);
  if (readIfPresent(BUILD_STAMP) === stamp) return;
  rmSync(BUILD_STAMP, { force: true });
  for (const [title, ...command] of BUILDS) {
    const failed = await runLogged(title, 'build.log', [process.execPath, ...command]);
    if (failed) throw new Failure(`${failed}\nThe build failed.`);
  }
  writeFileSync(BUILD_STAMP, stamp);
}

async function start(args) {
  const { main: runStack } = await compiled('stack/src/start.js');
  // From here on the stack hears the signals itself, without a moment in which nobody does.
  const own = ['SIGHUP', 'SIGINT', 'SIGTERM'].map((signal) => [signal, process.listeners(signal)]);
  const running = runStack(args);
  for (const [signal, listeners] of own) for (const listener of listeners) process.off(signal, listener);
  if (interrupted !== undefined) process.kill(process.pid, 'SIGTERM');
  return running;
}

/** A module of the build; not by its names, which Node does not find in every compiled module. */
async function compiled(file) {
  return (await import(pathToFileURL(path.join(ROOT, 'dist', file)).href)).default;
}

async function bench(args) {
  const { main: runBench } = await compiled('bench/bench.js');
  return runBench(args);
}

async function audit(args) {
  const { main: runAudit } = await compiled('audit/audit.js');
  return runAudit(args);
}

/** It reads passwords from the terminal, so it has that to itself. */
async function operator(args) {
  return (await run([process.execPath, 'dist/apps/operator/src/main.js', ...args], { stdio: 'inherit' })).code;
}

async function test(args) {
  return (await run([process.execPath, TOOLS.jest, ...args], { stdio: 'inherit' })).code;
}

async function faults(args) {
  mkdirSync(CACHE, { recursive: true });
  const table = path.join(CACHE, `${process.pid}-faults.md`);
  writeFileSync(table, '\n| fault | counted | invariants |\n| --- | --- | --- |\n');
  const environment = { ...process.env, FAULTS: 'long', FAULTS_TABLE: table };
  const command = [process.execPath, TOOLS.jest, '--testPathPatterns', 'test/faults', '--runInBand', ...args];
  const { code } = await run(command, { stdio: 'inherit', env: environment });
  console.log(readFileSync(table, 'utf8'));
  rmSync(table);
  return code;
}

/** Not among the dependencies: it is large, and its program does not load on every Linux. */
const JAZZER = '@jazzer.js/core@4.0.0';
/** What its program was linked with: glibc 2.38. */
const GLIBC_MINOR_MIN = 38;
const FUZZ_TARGETS = ['test/fuzz/body-target.ts', 'test/fuzz/parse-reference.ts'];

async function fuzz(args) {
  const { glibcVersionRuntime: glibc } = process.report.getReport().header;
  if (glibc && Number(glibc.split('.')[1]) < GLIBC_MINOR_MIN) {
    throw new Failure(
      `Jazzer.js needs glibc 2.${GLIBC_MINOR_MIN} or newer; this is ${glibc}. Run it on a newer Linux.`,
    );
  }
  const failed = await runLogged('Compiling the target', 'fuzz.log', [
    ...[process.execPath, TOOLS.swc, ...FUZZ_TARGETS],
    ...['--out-dir', 'dist', '--config-file', '.swcrc'],
  ]);
  if (failed) throw new Failure(failed);
  const corpus = path.join(CACHE, 'fuzz');
  mkdirSync(corpus, { recursive: true });
  const options = ['--sync', '--includes=dist/apps/', '--includes=dist/libs/'];
  const limits = ['-max_total_time=60', '-max_len=16385', ...args];
  const jazzer = ['jazzer', 'test/fuzz/jazzer.cjs', corpus, ...options, '--', ...limits];
  return (await run(['npm', 'exec', '--yes', `--package=${JAZZER}`, '--', ...jazzer], { stdio: 'inherit' })).code;
}

async function check() {
  let result = 0;
  for (const [title, ...command] of CHECKS) {
    const failed = await runLogged(title, 'check.log', [process.execPath, ...command]);
    if (failed) {
      console.log(failed);
      result = 1;
    }
  }
  return result;
}

/** Runs a step with one line on the terminal. Resolves to the end of its output when it failed, else to undefined. */
async function runLogged(title, logName, command) {
  mkdirSync(CACHE, { recursive: true });
  const logFile = path.join(CACHE, `${process.pid}-${logName}`);
  const log = openSync(logFile, 'w');
  const startedAt = Date.now();
  const elapsed = () => `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
  const isTerminal = process.stdout.isTTY;
  const timer = isTerminal && setInterval(() => process.stdout.write(`\r${title} … ${elapsed()}`), 200);
  if (!isTerminal) process.stdout.write(`${title} … `);
  try {
    // Its own group: Ctrl-C reaches it through us, together with whatever it started.
    const { code, error } = await run(command, { stdio: ['ignore', log, log], detached: true });
    if (interrupted !== undefined) {
      process.stdout.write('stopped\n');
      throw new Failure('Interrupted.');
    }
    process.stdout.write(`${isTerminal ? `\r${title} … ` : ''}${elapsed()}${code === 0 ? '' : ', failed'}\n`);
    if (code === 0) return undefined;
    renameSync(logFile, path.join(CACHE, logName));
    return error ?? outputOf(path.join(CACHE, logName));
  } finally {
    clearInterval(timer);
    closeSync(log);
    rmSync(logFile, { force: true });
  }
}

/** What a failed step printed; of much, the beginning and the end, where the reason tends to be. */
function outputOf(file) {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  if (lines.length <= OUTPUT_LINES_MAX) return lines.join('\n');
  const half = OUTPUT_LINES_MAX / 2;
  return [...lines.slice(0, half), `… (all of it is in ${file})`, ...lines.slice(-half)].join('\n');
}

function run([program, ...args], options) {
  return new Promise((resolve) => {
    if (interrupted !== undefined) return resolve({ code: 1 });
    child = { process: spawn(program, args, { cwd: ROOT, ...options }), isGroup: options.detached === true };
    child.process.on('error', (error) => resolve({ code: 1, error: `${program}: ${error.message}` }));
    child.process.on('close', (code) => {
      child = undefined;
      resolve({ code: code ?? 1 });
    });
  });
}

function endChild(signal) {
  if (child?.process.pid === undefined) return;
  try {
    process.kill(child.isGroup ? -child.process.pid : child.process.pid, signal);
  } catch {
    // It ended in between.
  }
}

/** One bootstrap at a time installs and builds in this tree; the next one finds everything done. */
async function lock() {
  mkdirSync(CACHE, { recursive: true });
  const file = path.join(CACHE, 'bootstrap.lock');
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, String(process.pid));
  try {
    for (let isTold = false; ; ) {
      if (interrupted !== undefined) throw new Failure('Interrupted.');
      try {
        // A link appears with its content in one step, and never over another.
        linkSync(draft, file);
        return () => rmSync(file, { force: true });
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      const holder = Number(readIfPresent(file));
      if (!isBootstrap(holder)) {
        discardStale(file, holder);
        continue;
      }
      if (!isTold) console.log(`Waiting for another run (process ${holder}) that installs or builds`);
      isTold = true;
      await delay(LOCK_POLL_MS);
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Moves the lock of a process that has ended away; puts it back when somebody has taken it over in between. */
function discardStale(file, holder) {
  const aside = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, aside);
    if (Number(readIfPresent(aside)) !== holder) linkSync(aside, file);
  } catch {
    // Somebody else was faster.
  }
  rmSync(aside, { force: true });
}

function isBootstrap(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  const commandLine = readIfPresent(`/proc/${pid}/cmdline`);
  return pid > 0 && (commandLine === undefined || commandLine.includes('bootstrap.mjs'));
}

function readIfPresent(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
