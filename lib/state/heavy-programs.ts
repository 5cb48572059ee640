/**
 * What is heavy unless `build.shim` says otherwise: program → the sub-commands that keep a machine busy. An
 * entry is words that must come in this order (options between them do not count); a `*` at the end of a word
 * stands for any rest of it, `*` alone for anything; `!word` takes calls with that word out. What installs
 * packages waits for the network more than for the processor, so it is not here.
 */
const tools = [
  'vitest',
  'jest',
  'tsc',
  'webpack',
  'vite build',
  'next build',
  'playwright test',
  'turbo',
  'nx',
]
const scripts = ['test*', 'build*', 'check*', 'lint*', 'type*', 'verify*', 'e2e*']
const run = scripts.map((name) => `run* ${name}`)
const exec = ['vitest', 'jest', 'tsc', 'playwright test'].map((name) => `exec ${name}`)
const any = ['*']
/** `-w` is their "watch": it never ends, so it would keep the turn for ever. */
const unlessWatching = ['*', '!-w']
const gradle = ['*', '!tasks', '!--stop', '!--status']
const maven = ['*', '!help*', '!dependency*']
const python = ['pytest', 'unittest', 'tox', 'nox', 'build', 'mypy', 'manage.py test']

export const heavyPrograms: Readonly<Record<string, readonly string[]>> = {
  npm: ['test', 't', ...run, ...exec],
  pnpm: ['t', ...scripts, ...run, ...exec, ...tools],
  yarn: [...scripts, ...run, ...exec, ...tools],
  bun: ['test', 'build', ...run],
  npx: tools,
  bunx: tools,
  deno: ['test', 'bench', 'compile', 'task test*', 'task build*'],
  vitest: unlessWatching,
  jest: any,
  tsc: unlessWatching,
  webpack: unlessWatching,
  playwright: ['test'],
  turbo: ['run', 'build*', 'test*', 'lint*'],
  nx: ['run*', 'build*', 'test*', 'lint*', 'affected'],
  make: any,
  gmake: any,
  ninja: any,
  cmake: ['--build'],
  ctest: any,
  meson: ['compile', 'test'],
  bazel: ['build', 'test', 'coverage', 'run'],
  cargo: [
    'b',
    'build',
    't',
    'test',
    'c',
    'check',
    'clippy',
    'r',
    'run',
    'bench',
    'd',
    'doc',
    'install',
    'nextest',
  ],
  go: ['build', 'test', 'vet', 'install', 'run', 'generate'],
  zig: ['build*', 'test'],
  swift: ['build', 'test'],
  xcodebuild: any,
  dotnet: ['build', 'test', 'publish', 'pack'],
  gradle,
  gradlew: gradle,
  mvn: maven,
  mvnw: maven,
  sbt: any,
  pytest: any,
  tox: any,
  nox: any,
  mypy: any,
  python,
  python3: python,
  uv: python.map((name) => `run* ${name}`),
  poetry: python.map((name) => `run* ${name}`),
  rspec: any,
  rake: any,
  bundle: ['exec rspec', 'exec rake'],
  mix: ['test', 'compile', 'dialyzer'],
  phpunit: any,
  docker: ['build', 'buildx build', 'compose build'],
}
