/** Many callers at once: every spawn makes its own task and worktree; of those that want one id, one gets it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { execa } from 'execa'
import { makeSandbox, type Ran, type Sandbox, until } from '../support/sandbox.ts'
import { settled, trailOf } from '../support/tasks.ts'
import { complaints } from './clean.ts'
import type { Play, Row, Scenario } from './scenario.ts'
import { stubWorker } from './stub.ts'

export const scenario: Scenario = { name: 'spawns', unit: 'spawns at once', short: 16, long: 200, play }

/** Callers who want one and the same id. */
const rivals = 20
/** Workers at once: enough of them to make worktrees at the same time, and no more than the memory holds. */
const workers = 12

async function play({ rounds, say }: Play): Promise<readonly Row[]> {
  const box = await makeSandbox()
  try {
    await box.git('clone', '-q', '--bare', box.repo, join(box.directory, 'origin.git'))
    await box.git('remote', 'add', 'origin', join(box.directory, 'origin.git'))
    await box.git('fetch', '-q', 'origin')
    box.configure({
      base: 'origin/main',
      max_workers: workers,
      codex: { config: box.model.codexConfig(), path: stubWorker(box, false) },
    })
    await box.verb('init')
    const rows = [await distinct(box, rounds, say), ...(await oneId(box))]
    const left = await complaints(box)
    return [
      ...rows,
      {
        what: 'what doctor --strict finds after all these spawns',
        figure: found(left),
        goal: '0',
        met: left.length === 0,
      },
    ]
  } finally {
    await box.close()
  }
}

const found = (list: readonly string[]) =>
  list.length === 0 ? '0' : `${list.length}: ${list.slice(0, 3).join('; ')}`

async function distinct(box: Sandbox, count: number, say: Play['say']): Promise<Row> {
  const ids = Array.from({ length: count }, (_, n) => `task-${n}`)
  const spec = box.spec({ title: 'One of many', change: 'none' }, [])
  const began = performance.now()
  const spawned = await Promise.all(ids.map((id) => box.json('spawn', id, '--spec', spec)))
  say(`${count} spawns: ${((performance.now() - began) / 1000).toFixed(1)} s`)
  const refused = spawned.filter((ran) => ran.exitCode !== 0)
  for (const ran of refused.slice(0, 3)) say(`refused: ${ran.stdout}${ran.stderr}`)
  const created = spawned.filter((ran) => ran.exitCode === 0 && ran.json.data.created).length
  await until(
    'all to be done',
    async () => readdirSync(join(box.state, 'tasks')).length === 0 || nothingGoesOn(box),
    600_000,
  )
  const done = ids.filter((id) => existsSync(box.task(id)) && box.status(id).state === 'done')
  const first = done.filter(
    (id) => box.status(id).attempt === 1 && trailOf(box, id).every((event) => event.type !== 'fetch-failed'),
  )
  for (const id of ids.filter((id) => !first.includes(id)).slice(0, 3))
    say(`${id}: ${JSON.stringify(existsSync(box.task(id)) && box.status(id))}`)
  const log = readFileSync(join(box.state, 'locks', 'runner.log'), 'utf8')
  if (log !== '') say(`runner.log: ${log.slice(0, 500)}`)
  const plain = await plainGit(box, count)
  return {
    what: `${count} spawns at once: tasks made, each in a worktree of its own at the first try (refused)`,
    figure: `${created}, ${first.length} (${refused.length})`,
    baseline: `git worktree add: ${plain} of ${count}`,
    goal: `${count}, ${count} (0)`,
    met: created === count && first.length === count && refused.length === 0 && log === '',
  }
}

/** Something failed for good: waiting on would only take until the time is up. */
async function nothingGoesOn(box: Sandbox): Promise<boolean> {
  const ran = await box.json('status')
  const { running, verifying, landing, queued } = ran.json.data.counts
  return running + verifying + landing + queued === 0
}

/** How many of as many concurrent calls succeed. */
async function plainGit(box: Sandbox, count: number): Promise<number> {
  const made = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      execa(
        'git',
        [
          'worktree',
          'add',
          '--quiet',
          '-b',
          `plain-${n}`,
          join(box.directory, 'plain', `${n}`),
          'origin/main',
        ],
        { cwd: box.repo, env: box.env, extendEnv: false, reject: false },
      ),
    ),
  )
  // doctor looks at worktrees, too.
  for (let n = 0; n < count; n++)
    await execa('git', ['worktree', 'remove', '--force', join(box.directory, 'plain', `${n}`)], {
      cwd: box.repo,
      env: box.env,
      extendEnv: false,
      reject: false,
    })
  return made.filter((ran) => ran.exitCode === 0).length
}

async function oneId(box: Sandbox): Promise<Row[]> {
  const all = (specs: readonly string[], id: string) =>
    Promise.all(specs.map((spec) => box.json('spawn', id, '--spec', spec)))
  const same = box.spec({ title: 'The same', change: 'none' }, [])
  const alike = await all(
    Array.from({ length: rivals }, () => same),
    'same',
  )
  const different = await all(
    Array.from({ length: rivals }, (_, n) => box.spec({ title: `Another, number ${n}`, change: 'none' }, [])),
    'other',
  )
  await settled(box, 'same', 'other')
  return [
    {
      what: `one id, one spec, ${rivals} spawns at once: made, told that it is there`,
      figure: tally(alike, 'created', 'there'),
      goal: `1, ${rivals - 1}`,
      met: tally(alike, 'created', 'there') === `1, ${rivals - 1}` && box.status('same').attempt === 1,
    },
    {
      what: `one id, ${rivals} specs at once: made, refused with exit code 3`,
      figure: tally(different, 'created', 'taken'),
      goal: `1, ${rivals - 1}`,
      met: tally(different, 'created', 'taken') === `1, ${rivals - 1}` && box.status('other').attempt === 1,
    },
  ]
}

function tally(answers: readonly Ran[], ...kinds: readonly string[]): string {
  const kindOf = (ran: Ran) =>
    ran.exitCode === 0
      ? ran.json.data.created
        ? 'created'
        : 'there'
      : ran.exitCode === 3 && ran.json.error.code === 'id-taken'
        ? 'taken'
        : 'else'
  return kinds.map((kind) => answers.filter((ran) => kindOf(ran) === kind).length).join(', ')
}
