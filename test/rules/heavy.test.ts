/**
 * Which commands take their turn. Seen to fail: without `skipAssignments` in `look`; with `reserved` empty; a
 * comment that takes its newline along; here-documents read as commands; `isHeavy` that does not pass options
 * over; `hidden` given for every heavy command, and for none; `mostPlaces` at 1e9
 * and `left` at 1e12 (neither came to an end within three minutes).
 */
import { describe, expect, it } from 'vitest'
import { isHeavy, type Weight, weigh } from '../../lib/rules/heavy.ts'
import { commandsOf, quoted } from '../../lib/rules/shell.ts'
import { heavyPrograms } from '../../lib/state/heavy-programs.ts'
import { randomness } from '../chaos/scenario.ts'

const hasShim = (program: string) => program !== 'gradlew' && program !== 'vitest'
const weight = (script: string) => weigh(script, heavyPrograms, hasShim)

function table(expected: Weight, scripts: readonly string[]): void {
  describe(`${expected}:`, () => {
    it.each(scripts.map((script) => [script]))('%s', (script) => expect(weight(script)).toBe(expected))
  })
}

table('shim', [
  'npm test',
  'npm t',
  '  npm   test  ',
  'npm test -- --run a.test.ts',
  'npm --silent test',
  'npm --prefix packages/a test',
  'npm --prefix=packages/a test',
  'npm -w a run build',
  'npm run test:unit',
  'npm run build',
  'npm run-script lint',
  'npm exec -- vitest run',
  'npx vitest run',
  'npx --yes jest',
  'pnpm -r build',
  'pnpm --filter web test',
  'yarn test',
  'yarn workspace web build || yarn build',
  'cargo +nightly test',
  'cargo --locked build --release',
  'go test ./...',
  'go -C sub build',
  'make',
  'make -j8 all',
  'make -C sub',
  'cmake --build out',
  'pytest -x tests',
  'python -m pytest',
  'python3 -m pytest -q',
  'tsc --noEmit',
  'CI=1 npm test',
  'CI=1 FOO="a b" npm test',
  'env CI=1 npm test',
  'env -u CI npm test',
  'timeout 60 npm test',
  'timeout -k 5 60 npm test',
  'time npm test',
  'nice npm test',
  'nice -n 10 npm test',
  'nohup npm test &',
  'exec npm test',
  'command npm test',
  'stdbuf -oL npm test',
  'xargs -n 1 npm test < list',
  'find . -name Makefile -execdir make \\;',
  'cd sub && npm test | tail -1',
  'npm test 2>&1 | tee log',
  'npm test>log',
  'npm test 2> log',
  '2>log npm test',
  '< in npm test',
  'npm test&',
  'npm test;echo $?',
  '(npm test)',
  '{ npm test; }',
  '! npm test',
  'if npm test; then echo ok; fi',
  'if true; then npm test; fi',
  'for d in a b; do npm test; done',
  'for d in a b; do (cd $d && npm test); done',
  'while ! npm test; do sleep 1; done',
  'case x in x) npm test;; esac',
  'f() { npm test; }; f',
  'function f { npm test; }; f',
  'echo "$(npm test)"',
  'echo $(npm test)',
  'echo `npm test`',
  'out=$(npm test)',
  'out="`npm test`"',
  'diff <(npm test) expected',
  'set -e\nnpm test\n',
  'set -e # careful\nnpm test',
  'true # it’s "open\nnpm test',
  'cat <<EOF\nhello\nEOF\nnpm test',
  "cat <<-'E O F'\n\thello\n\tE O F\nnpm test",
  'echo $((1<<2))\nnpm test',
  'cd a \\\n  && npm \\\n  test',
  'n"p"m te\\st',
  "'npm' 'test'",
  "$'npm' test",
  "bash -c 'npm test'",
  'sh -ec "cd x; npm test"',
  "bash -o pipefail -c 'npm test | tail -1'",
  "bash <<'END'\nnpm test\nEND",
  "sh <<< 'npm test'",
  "timeout 10 sh -c 'npm test'",
  "eval 'npm test'",
  `bash -c "bash -c 'npm test'"`,
  "git commit -m 'it' && npm test",
])

table('hidden', [
  '/usr/bin/npm test',
  './node_modules/.bin/tsc',
  'node_modules/.bin/tsc -p .',
  '"$HOME/bin/npm" test',
  '$(npm bin)/tsc',
  '~/.cargo/bin/cargo build',
  './gradlew build',
  '../gradlew :app:test',
  'vitest run',
  "bash -lc 'npm test'",
  "bash -l -c 'npm test'",
  "bash --login -c 'npm test'",
  "/bin/bash -lc 'cd sub && npm test'",
  `sh -c "bash -lc 'npm test'"`,
  'sudo npm test',
  'sudo -u bob make',
  'env -i npm test',
  'env -i PATH=/usr/bin npm test',
  "env -S 'npm test' -i",
  'command -p make',
  'PATH=/usr/bin:$PATH npm test',
  'PATH=/x make',
  'export PATH=/x:$PATH; npm test',
  'export PATH="$PWD/node_modules/.bin:$PATH" && npm test',
  '. .venv/bin/activate && pytest',
  'source .venv/bin/activate\npytest',
  'nvm use 20 && npm test',
  'npm test && /usr/bin/npm test',
  "su -c 'npm test' bob",
  'find . -exec /usr/bin/make {} +',
])

table('light', [
  '',
  'npm --version',
  'npm -h',
  'npm',
  'npm install',
  'npm install test-utils',
  'npm ci',
  'npm ls test',
  'npm view test',
  'npm run dev',
  'make --version',
  'make --help',
  'go version',
  'go env GOPATH',
  'go fmt ./...',
  'cargo --version',
  'cargo fmt',
  'cargo add test',
  'python -c "print(1)"',
  'python3 script.py',
  'tsc --watch',
  'tsc -p . -w',
  'npx vitest --watch',
  'npm test --watch',
  'which make',
  'command -v npm test',
  'type make',
  'echo npm test',
  'rg "npm test"',
  "grep -rn 'make' .",
  'ls make',
  'cat Makefile',
  'echo "run: npm test"',
  "echo 'x; npm test'",
  '# npm test',
  'ls # npm test',
  'git commit -m "npm test && make"',
  'printf "%s\\n" "a; make"',
  'cat > run.sh <<EOF\nnpm test\nmake\nEOF',
  "cat <<'EOF' | sort\n/usr/bin/npm test\nEOF",
  'man make',
  'bash run.sh',
  'bash --version',
  "bash -c 'echo npm test'",
  'dirigent build -- npm test',
  'dirigent build -- /usr/bin/npm test',
  "dirigent build -- bash -lc 'npm test'",
  'env FOO=1 echo npm test',
  'makefile',
  'npmx test',
  'a=npm test',
  'echo \\; npm test',
  'echo > make',
  'toString test',
  'constructor',
])

it('counts a sub-command only where it can be one', () => {
  const npm = ['test', 'run test*', '!stop']
  expect(isHeavy(npm, ['run', 'test'])).toBe(true)
  expect(isHeavy(npm, ['run', '--silent', 'test:a'])).toBe(true)
  expect(isHeavy(npm, ['run', 'a', 'test'])).toBe(false)
  expect(isHeavy(npm, ['run'])).toBe(false)
  expect(isHeavy(npm, ['test', 'stop'])).toBe(false)
  expect(isHeavy([], ['test'])).toBe(false)
  expect(isHeavy(['*'], [])).toBe(true)
})

it('with no program listed nothing is heavy', () => {
  for (const script of ['npm test', '/usr/bin/make', "bash -lc 'make'"])
    expect(weigh(script, {}, () => true)).toBe('light')
})

it('reads words as a shell does', () => {
  const words = (script: string) => commandsOf(script).map((command) => command.words)
  expect(words(`a 'b c' "d \\"e\\" $f" g\\ h "" | i>j 2>&1 k; l &>m`)).toEqual([
    ['a', 'b c', 'd "e" $f', 'g h', ''],
    ['i', 'k'],
    ['l'],
  ])
  expect(words('a "$(b "c d" $(e))" f')).toEqual([['e'], ['b', 'c d', '$'], ['a', '$', 'f']])
})

describe('whatever it is given', () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  const pieces = [
    ...[
      'npm',
      'test',
      'bash',
      '-lc',
      '-c',
      'env',
      'find',
      '-exec',
      'eval',
      'x',
      'EOF',
      '1',
      'é',
      '\u0000',
      '\ud800',
    ],
    ...[
      ' ',
      ' ',
      '\n',
      '\t',
      ';',
      '&',
      '|',
      '(',
      ')',
      '{',
      '}',
      '<',
      '>',
      '<<',
      '<<<',
      '<<-',
      '$',
      '$(',
      '`',
    ],
    ...["'", '"', '\\', '#', '=', '!', '*', '$((', '${', "$'", '-', '+', '--'],
  ]

  it('it never throws', () => {
    console.info(`garbage: SEED=${seed}`)
    const random = randomness(seed)
    for (let n = 0; n < 3000; n++) {
      const length = Math.floor(random() * 60)
      const script = Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join('')
      expect(['light', 'shim', 'hidden'], JSON.stringify(script)).toContain(weight(script))
    }
  })

  it('ten times the text takes about ten times as long', () => {
    const bombs = [
      ...pieces,
      ...[
        'env -x npm ',
        'find -exec ',
        'env ',
        'eval ',
        '$(',
        '"$(',
        '(',
        '<<x\n',
        '<<EOF\nEOF\n',
        'bash -c "',
        'x x ',
      ],
      ...[
        "env -S 'env -S x' ",
        "bash -c 'bash -c x' ",
        '\\',
        'sudo -u ',
        'npm -x ',
        '$(( 1<<2 ))\n',
        "$'\\'",
        '`',
      ],
    ]
    // Each of seven wrappers hands the same script on, four times over.
    let nested = 'x '.repeat(20_000)
    for (let n = 0; n < 4; n++) nested = `${'env -a '.repeat(7)}-S ${quoted(nested)}`
    bombs.push(nested)
    const slow = bombs.flatMap((piece) => {
      // Of the processor, not of the clock: other processes do not count.
      const time = (size: number) => {
        const script = piece.repeat(Math.ceil(size / piece.length))
        const begin = process.cpuUsage()
        weight(script)
        const { user, system } = process.cpuUsage(begin)
        return (user + system) / 1000
      }
      time(1000)
      const [short, long] = [Math.min(time(20_000), time(20_000)), Math.min(time(200_000), time(200_000))]
      // Thirty, not ten: the collector. Under 300 ms nothing can be said.
      return long > Math.max(300, 30 * short) || long > 3000 ? [{ piece, short, long }] : []
    })
    expect(slow).toEqual([])
  })
})
