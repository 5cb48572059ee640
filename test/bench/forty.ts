/** Forty concurrent spawns from a remote-tracking base: forty worktrees. Plain git, run as concurrently, beside it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { makeSandbox, until } from '../support/sandbox.ts'
import type { Figure } from './report.ts'

const forty = Array.from({ length: 40 }, (_, n) => `forty-${n + 1}`)

export async function benchForty(): Promise<Figure[]> {
  const box = await makeSandbox({ config: { max_workers: 40, base: 'origin/main' } })
  try {
    const git = { cwd: box.repo, env: box.env, extendEnv: false } as const
    await execa('git', ['clone', '--quiet', '--bare', box.repo, join(box.directory, 'origin.git')], git)
    await execa('git', ['remote', 'add', 'origin', join(box.directory, 'origin.git')], git)
    await execa('git', ['fetch', '--quiet', 'origin'], git)
    const spec = box.spec({ title: 'One of forty' }, [{ hang: true }])
    const spawned = await Promise.all(forty.map((id) => box.verb('spawn', id, '--spec', spec)))
    const failed = spawned.filter((ran) => ran.exitCode !== 0)
    await until(
      'forty worktrees',
      () => forty.every((id) => existsSync(join(box.state, 'worktrees', id, 'README.md'))),
      120_000,
    )
    const ours = forty.filter((id) => existsSync(join(box.state, 'worktrees', id, 'README.md'))).length
    for (const id of forty)
      await execa('pkill', ['-KILL', '-f', `run ${id} --repo ${box.repo}`], { reject: false })
    const plain = await Promise.all(
      forty.map((id) =>
        execa(
          'git',
          [
            'worktree',
            'add',
            '--quiet',
            '-b',
            `plain-${id}`,
            join(box.directory, 'plain', id),
            'origin/main',
          ],
          { ...git, reject: false },
        ),
      ),
    )
    return [
      {
        what: '40 concurrent spawns from origin/main: worktrees (and spawns that failed)',
        ours: `${ours} (${failed.length})`,
        baseline: `${plain.filter((ran) => ran.exitCode === 0).length} (plain git)`,
        ratio: '-',
        goal: '40 (0)',
        met: ours === 40 && failed.length === 0,
      },
    ]
  } finally {
    await box.close()
  }
}
