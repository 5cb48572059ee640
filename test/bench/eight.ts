/** Eight scripted tasks, four at a time, from spec to merged: beside a plain bash loop that does the same. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { execa } from 'execa'
import { findCodex } from '../../lib/tools/codex/find.ts'
import { makeSandbox, root } from '../support/sandbox.ts'
import { type Figure, median, ratioFigure } from './report.ts'
import { bareArgv } from './start.ts'

const tasks = Array.from({ length: 8 }, (_, n) => `eight-${n + 1}`)

const script = (id: string) => [
  { run: `mkdir -p src && echo '${id}' > src/${id}.txt && git add -A && git commit -qm 'add ${id}'` },
  { say: `${id} is done` },
]

export async function benchEight(rounds: number): Promise<Figure[]> {
  const ours: number[] = []
  const bare: number[] = []
  for (let n = 0; n < rounds; n++) {
    bare.push(await bashLoop())
    ours.push(await dirigent())
  }
  return [
    ratioFigure('eight tasks, four at a time, to merged ÷ a bash loop', median(ours), median(bare), 1.5),
  ]
}

async function dirigent(): Promise<number> {
  const box = await makeSandbox({ config: { max_workers: 4 } })
  try {
    const specs = tasks.map((id) => [id, box.spec({ title: id }, script(id))] as const)
    const began = performance.now()
    // One after the other, as a script or an orchestrator does it.
    for (const [id, spec] of specs) await box.verb('spawn', id, '--spec', spec)
    await box.verb('wait', '--until', 'settled', '--timeout', '2m')
    const took = performance.now() - began
    await assertLanded(box.repo, box.env)
    return took
  } finally {
    await box.close()
  }
}

/** What a person would write: worktree, codex, rebase, fast-forward; a lock around the merge, as it needs one. */
async function bashLoop(): Promise<number> {
  const box = await makeSandbox()
  try {
    const { binary } = findCodex(null, { PATH: '' }, root)
    const specs = tasks.map((id) => [id, box.spec({ title: id }, script(id))] as const)
    const one = join(box.directory, 'one.sh')
    mkdirSync(join(box.directory, 'worktrees'))
    const argv = bareArgv(box, '@WORKTREE@')
      .map((word) => `'${word.replaceAll("'", "'\\''")}'`)
      .join(' ')
    writeFileSync(
      one,
      `#!/bin/bash
set -e
id=$1 spec=$2 tree=${box.directory}/worktrees/$1
cd ${box.repo}
flock ${box.directory}/git.lock git worktree add --quiet -b bash/$id $tree main
cd $tree
${binary} ${argv.replaceAll('@WORKTREE@', `'"$tree"'`)} < $spec > ${box.directory}/$id.jsonl 2> ${box.directory}/$id.err
exec 9> ${box.directory}/land.lock; flock 9
git rebase --quiet main
cd ${box.repo} && git merge --quiet --ff-only bash/$id
`,
    )
    chmodSync(one, 0o755)
    const list = specs.map(([id, spec]) => `${id} ${spec}`).join('\n')
    const began = performance.now()
    await execa('xargs', ['-P', '4', '-L', '1', one], {
      cwd: box.repo,
      env: box.env,
      extendEnv: false,
      input: `${list}\n`,
    })
    const took = performance.now() - began
    await assertLanded(box.repo, box.env)
    return took
  } finally {
    await box.close()
  }
}

async function assertLanded(repo: string, env: NodeJS.ProcessEnv): Promise<void> {
  for (const id of tasks) {
    if (readFileSync(join(repo, 'src', `${id}.txt`), 'utf8').trim() !== id)
      throw new Error(`${id} has not landed`)
  }
  const { stdout } = await execa('git', ['log', '--format=%s', '-8'], { cwd: repo, env, extendEnv: false })
  if (stdout.split('\n').filter((line) => line.startsWith('add eight-')).length !== 8)
    throw new Error(`not eight commits:\n${stdout}`)
}
