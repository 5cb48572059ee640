/** From the call to the worker's process: `spawn` beside a bare `git worktree add` and `codex exec`. */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { findCodex } from '../../lib/tools/codex/find.ts'
import { codexFlags } from '../scripted-model/config.ts'
import { root, type Sandbox, until } from '../support/sandbox.ts'
import { type Figure, median, ratioFigure } from './report.ts'
import { timed } from './time.ts'

/** The real codex behind a script that notes when it was reached; both sides go through it. */
export function stampedCodex(box: Sandbox): string {
  const path = join(box.directory, 'stamped-codex')
  const { binary } = findCodex(null, { PATH: '' }, root)
  writeFileSync(path, `#!/bin/sh\ndate +%s%N > ${join(box.directory, 'stamp')}\nexec ${binary} "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

export async function benchStart(box: Sandbox, codex: string, rounds: number): Promise<Figure[]> {
  const stamp = join(box.directory, 'stamp')
  const reached = async () =>
    Number(await until('the worker', () => existsSync(stamp) && readFileSync(stamp, 'utf8').trim())) / 1e6
  const spec = box.spec({ title: 'Hold on' }, [{ say: 'nothing to do' }])
  const ours: number[] = []
  const bare: number[] = []
  const node: number[] = []
  for (let n = 0; n < rounds; n++) {
    node.push(await timed('node', ['-e', '0'], box.repo, box.env))

    rmSync(stamp, { force: true })
    const worktree = join(box.directory, `bare-${n}`)
    const began = Date.now()
    await execa('git', ['worktree', 'add', '--quiet', '-b', `bare-${n}`, worktree, 'main'], {
      cwd: box.repo,
      env: box.env,
      extendEnv: false,
    })
    const child = execa(codex, bareArgv(box, worktree), {
      cwd: worktree,
      env: box.env,
      extendEnv: false,
      input: readFileSync(spec),
      stdout: 'ignore',
      stderr: 'ignore',
      reject: false,
    })
    bare.push((await reached()) - began)
    await child

    rmSync(stamp, { force: true })
    const called = Date.now()
    const spawned = execa(join(root, 'bin', 'spawn'), [`start-${n}`, '--spec', spec], {
      cwd: box.repo,
      env: box.env,
      extendEnv: false,
      stdio: 'ignore',
    })
    ours.push((await reached()) - called)
    await spawned
    await box.verb('wait', `start-${n}`, '--timeout', '60s')
    await box.verb('stop', `start-${n}`, '--cancel')
  }
  const limit = 1.5 + (2 * median(node)) / median(bare)
  return [
    ratioFigure(
      'spawn until the worker exists ÷ worktree add + codex exec',
      median(ours),
      median(bare),
      limit,
    ),
  ]
}

/** What a person types, with the flags that lead to the scripted model. */
export function bareArgv(box: Sandbox, worktree: string): string[] {
  const flags = codexFlags(box.model.codexConfig())
  return [
    'exec',
    '--json',
    '--dangerously-bypass-approvals-and-sandbox',
    '-m',
    'gpt-5.5',
    ...flags,
    '-C',
    worktree,
    '-',
  ]
}
