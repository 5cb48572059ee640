import { expect, test } from 'vitest'
import { unwrapShell } from '../../../lib/tools/codex/unwrap.ts'

test.each([
  [`/bin/bash -lc 'echo out; echo err >&2'`, 'echo out; echo err >&2'],
  [`/bin/bash -c 'make test'`, 'make test'],
  ['/bin/bash -lc ls', 'ls'],
  ['/bin/zsh -lc pwd', 'pwd'],
  ['bash -c pwd', 'pwd'],
  [
    `/bin/bash -lc "flock /state/heavy.lock bash -c 'echo heavy \\"it'\\\\''s\\" quoted; touch wip.txt'"`,
    `flock /state/heavy.lock bash -c 'echo heavy "it'\\''s" quoted; touch wip.txt'`,
  ],
  [`/bin/bash -lc "echo \\$HOME it's"`, `echo $HOME it's`],
  [`/bin/bash -lc 'a'"'"'b'`, `a'b`],
  // Not one word, or not a shell: as it came.
  ['/bin/bash -lc ls -la', '/bin/bash -lc ls -la'],
  [`/bin/bash -lc 'unclosed`, `/bin/bash -lc 'unclosed`],
  ['python3 -c pass', 'python3 -c pass'],
  ['', ''],
])('%s', (command, shown) => {
  expect(unwrapShell(command)).toBe(shown)
})
