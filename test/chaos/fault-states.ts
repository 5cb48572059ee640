/** The states that verbs are typed in, made through the verbs themselves, and what must be so in the end. */
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { newStatus } from '../../lib/state/new-status.ts'
import { statePaths } from '../../lib/state/paths.ts'
import { writeRecord } from '../../lib/state/record.ts'
import { createTask } from '../../lib/state/tasks.ts'
import { makeSandbox, type Ran, type Sandbox } from '../support/sandbox.ts'
import { landed, settled, spawnTask } from '../support/tasks.ts'

export const work = (file: string) => [
  { run: `echo ${file} > ${file} && git add ${file} && git commit -qm 'add ${file}'` },
  { say: 'done' },
]
export const id = 'job'

export const initialised = (model: Sandbox['model']) => makeSandbox({ model, config: { max_workers: 2 } })

/** A task that failed: its one attempt left a file uncommitted and committed nothing. */
export async function failed(model: Sandbox['model']): Promise<Sandbox> {
  const box = await initialised(model)
  await spawnTask(box, id, { attempts: 1, verify: ['test ! -e bad.txt'] }, [
    { run: 'echo precious > precious.txt; echo > bad.txt' },
    { say: 'done' },
  ])
  expectState(await settled(box, id), 'failed')
  return box
}

export async function underReview(model: Sandbox['model']): Promise<Sandbox> {
  const box = await initialised(model)
  await spawnTask(box, id, {}, work('AGENTS.md'))
  expectState(await settled(box, id), 'review')
  return box
}

/** A plan under review: of one task, or of so many as there are ids. */
export async function planned(model: Sandbox['model'], ids: readonly string[] = []): Promise<Sandbox> {
  const box = await initialised(model)
  const doing = (file: string) => `\`\`\`script\n${JSON.stringify(work(file))}\n\`\`\`\n`
  const text =
    ids.length === 0
      ? `Do it.\n\n${doing('job.txt')}`
      : ids.map((one) => `## Task ${one}: The ${one}\n\nDo it.\n\n${doing(`${one}.txt`)}`).join('\n')
  const plan = { say: `---\ntitle: ${id}\n---\n${text}` }
  expectDone(await box.json('spawn', id, '--plan', '--spec', box.spec({ title: id }, [plan])))
  expectState(await settled(box, id), 'review')
  return box
}

/** As it is when its runner died before it began. */
export async function aboutToRun(model: Sandbox['model'], check = 'true'): Promise<Sandbox> {
  const box = await initialised(model)
  await spawnTask(box, 'model-task', { verify: [check] }, work('first.txt'))
  expectState(await settled(box, 'model-task'), 'merged')
  const { settings } = box.status('model-task')
  const spec = `---\ntitle: ${id}\n---\nDo it.\n\n\`\`\`script\n${JSON.stringify(work('job.txt'))}\n\`\`\`\n`
  const fresh = newStatus({ id, title: id, settings, spec_sha256: '', created: new Date().toISOString() })
  const paths = statePaths(box.repo)
  if (!createTask(paths, fresh, spec)) throw new Error('it is there')
  writeRecord(paths.task(id).status, {
    ...fresh,
    state: 'running',
    reason: 'attempt 1',
    attempt: 1,
    epoch: 1,
  })
  return box
}

/** Merged, and its runner died before it had put it away. */
export async function ended(model: Sandbox['model']): Promise<Sandbox> {
  const box = await initialised(model)
  await spawnTask(box, id, {}, work('job.txt'))
  expectState(await settled(box, id), 'merged')
  mkdirSync(join(box.state, 'tasks'), { recursive: true })
  renameSync(box.task(id), join(box.state, 'tasks', id))
  return box
}

/** Whole messages to the task, delivered or not. */
export function messages(box: Sandbox): number {
  const inbox = join(box.task(id), 'inbox')
  return readdirSync(inbox).filter((name) => name.endsWith('.md') && !name.startsWith('.tmp-')).length
}

export function expectDone(ran: Ran): void {
  if (ran.exitCode !== 0) throw new Error(`exit ${ran.exitCode}: ${ran.stdout}${ran.stderr}`)
}

// biome-ignore lint/suspicious/noExplicitAny: tests reach into records freely
export function expectState(status: any, state: string): void {
  if (status.state !== state) throw new Error(`${status.id} is ${status.state}: ${status.reason}`)
}

/** Merged once, its file in the main checkout, and nothing of it left. */
export async function expectMerged(box: Sandbox, file: string): Promise<void> {
  const status = await settled(box, id)
  expectState(status, 'merged')
  const commits = await landed(box, id)
  if (commits.length === 0) throw new Error('nothing landed')
  if (new Set(commits).size !== commits.length) throw new Error(`landed twice: ${commits.join(' | ')}`)
  if (!existsSync(join(box.repo, file))) throw new Error(`no ${file} in the main checkout`)
  const dirty = await box.git('status', '--porcelain', '--untracked-files=no')
  if (dirty !== '') throw new Error(`the main checkout is not clean: ${dirty}`)
  if (existsSync(join(box.state, 'worktrees', id))) throw new Error('its worktree is there')
}
