/** The one place that spells names inside the state directory. What each holds: `skill/reference/state.md`. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { namesIn } from '../kit/read.ts'

export const stateDirectoryName = '.orchestrator-state'

/** Lower-case letters, digits and dashes; starts with a letter or digit; at most 63 characters. */
export const idPattern = /^[a-z0-9][a-z0-9-]{0,62}$/

export type StatePaths = ReturnType<typeof statePaths>
export type TaskPaths = ReturnType<typeof taskPaths>
export type AttemptPaths = ReturnType<typeof attemptPaths>
export type ShimPaths = ReturnType<typeof shimPaths>

/** @param repo the main checkout */
export function statePaths(repo: string) {
  const root = join(repo, stateDirectoryName)
  return {
    repo,
    root,
    readme: join(root, 'README.md'),
    config: join(root, 'config.yaml'),
    configSchema: join(root, 'config.schema.json'),
    configCache: join(root, 'locks', 'config.json'),
    ignore: join(root, '.gitignore'),
    lessons: join(root, 'lessons'),
    lesson: (name: string) => join(root, 'lessons', `${name}.md`),
    templates: join(root, 'templates'),
    tasks: join(root, 'tasks'),
    worktrees: join(root, 'worktrees'),
    archive: join(root, 'archive'),
    locks: join(root, 'locks'),
    /** Our own view of the repository: `lib/tools/git/trusted.ts`. */
    trustedGit: join(root, 'git'),
    feed: join(root, 'events.jsonl'),
    lockFamily: lockFamilyPath(join(root, 'locks')),
    /** Tickets of `build.scope: repository`. */
    buildQueue: join(root, 'locks', 'build'),
    landLock: join(root, 'locks', 'land.lock'),
    gitLock: join(root, 'locks', 'git.lock'),
    dispatchLock: join(root, 'locks', 'dispatch.lock'),
    runnerLog: join(root, 'locks', 'runner.log'),
    /** What was in a log before it had grown too long. */
    oldRunnerLog: join(root, 'locks', 'runner.log.old'),
    oldSupervisorLog: join(root, 'locks', 'supervisor.log.old'),
    supervisorLock: join(root, 'locks', 'supervisor.lock'),
    supervisorLog: join(root, 'locks', 'supervisor.log'),
    /** Held by a `wait`: somebody listens. */
    listenLock: join(root, 'locks', 'listen.lock'),
    escalations: join(root, 'locks', 'escalations.json'),
    outage: join(root, 'locks', 'outage.json'),
    coolDown: join(root, 'cool-down.json'),
    coolDownLock: join(root, 'locks', 'cool-down.lock'),
    usage: join(root, 'usage'),
    /** @param day yyyy-mm-dd */
    usageOf: (day: string) => join(root, 'usage', `${day}.jsonl`),
    /** Its time says when a base was last fetched; it holds what went wrong then, or nothing. */
    fetched: (base: string) => join(root, 'locks', `fetched-${encodeURIComponent(base)}`),
    worktree: (id: string) => join(root, 'worktrees', id),
    /** Stand-ins for heavy programs, first on a worker's PATH: `lib/flows/runner/shims.ts`. */
    shims: join(root, 'shims'),
    shimSet: (hash: string) => shimPaths(join(root, 'shims', hash)),
    task: (id: string) => taskPaths(join(root, 'tasks', id)),
    archived: (month: string, id: string) => taskPaths(join(root, 'archive', month, id)),
  }
}

/** Where the tickets of everybody on this machine are. @param stateHome $XDG_STATE_HOME */
export function machineQueue(stateHome: string | undefined, home: string): string {
  // The standard says that a relative one is to be ignored.
  const base = stateHome?.startsWith('/') ? stateHome : join(home, '.local', 'state')
  return join(base, 'dirigent', 'build')
}

/** Which family of locks the locks in a directory are of. */
export const lockFamilyPath = (directory: string): string => join(directory, 'family.json')

/** The main checkout that a live task belongs to. @param directory the task's own */
export const mainOf = (directory: string): string => dirname(dirname(dirname(directory)))

/** @param directory the task's own directory, live or archived */
export function taskPaths(directory: string) {
  const log = join(directory, 'log')
  return {
    directory,
    spec: join(directory, 'spec.md'),
    status: join(directory, 'status.json'),
    checkpoint: join(directory, 'checkpoint.md'),
    inbox: join(directory, 'inbox'),
    inboxSeen: join(directory, 'inbox', 'seen'),
    inboxExpired: join(directory, 'inbox', 'expired'),
    outbox: join(directory, 'outbox'),
    outboxSeen: join(directory, 'outbox', 'seen'),
    result: join(directory, 'result.json'),
    report: join(directory, 'report.md'),
    runLock: join(directory, 'run.lock'),
    stop: join(directory, 'stop.json'),
    log,
    trail: join(log, 'events.jsonl'),
    /** Checkpoints that a newer one has replaced, oldest 1. */
    oldCheckpoint: (n: number) => join(log, `checkpoint-${n}.md`),
    /** What the worker answered when it was asked on the side. */
    answers: join(log, 'answers'),
    oldSpec: (revision: number) => join(log, `spec-${revision}.md`),
    staleLog: join(log, 'stale'),
    /** What somebody wrote who was late: of an attempt, named by what it is and the writer's epoch. */
    stale: (attempt: number, what: string, epoch: number) =>
      join(log, 'stale', `${attemptName(attempt)}-${what}-${epoch}.json`),
    attempt: (n: number) => attemptPaths(join(log, attemptName(n))),
  }
}

const attemptName = (n: number): string => `attempt-${String(n).padStart(3, '0')}`

function attemptPaths(directory: string) {
  return {
    directory,
    prompt: join(directory, 'prompt.md'),
    stream: join(directory, 'worker.jsonl'),
    stderr: join(directory, 'stderr.log'),
    refs: join(directory, 'refs.json'),
    messages: join(directory, 'messages.json'),
    /** Names of messages that the worker read by `dirigent inbox`, one a line. */
    inboxRead: join(directory, 'inbox-read'),
    exit: join(directory, 'exit.json'),
    result: join(directory, 'result.json'),
    setup: join(directory, 'setup.log'),
    builds: join(directory, 'builds.jsonl'),
    /** What was last seen of a worker's life, so that whoever looks next knows since when there was none. */
    vitals: join(directory, 'vitals.json'),
    /** A line for each time that the worker was kept from ending its turn: what for. */
    held: join(directory, 'held'),
    /** Empty; the hook of this name makes it when it runs for the first time. */
    hooked: (hook: string) => join(directory, `hooked-${hook}`),
    checks: join(directory, 'checks'),
    /** Checks of the commit that was rebased for landing. */
    landingChecks: join(directory, 'landing-checks'),
  }
}

/** One set of shims. What is no program has a dot in front: nobody finds it on PATH by accident. */
export function shimPaths(directory: string) {
  return {
    directory,
    program: (name: string) => join(directory, name),
    allRules: join(directory, '.rules'),
    /** Which sub-commands of a program are heavy, one a line. */
    rules: (name: string) => join(directory, '.rules', name),
    /** Says that this is a set of shims, and starts `dirigent`. */
    dirigent: join(directory, '.dirigent'),
    node: join(directory, '.node'),
    /** A regular expression: what the hook looks for before it starts anything. */
    names: join(directory, '.names'),
  }
}

/** The task's directory wherever it is now, or undefined. */
export function findTask(paths: StatePaths, id: string): TaskPaths | undefined {
  if (!idPattern.test(id)) return undefined
  const live = paths.task(id)
  if (existsSync(live.directory)) return live
  for (const month of archiveMonths(paths)) {
    const archived = paths.archived(month, id)
    if (existsSync(archived.directory)) return archived
  }
  return undefined
}

/** `yyyy-mm` names, newest first. */
export function archiveMonths(paths: StatePaths): string[] {
  return namesIn(paths.archive)
    .filter((name) => /^\d{4}-\d{2}$/.test(name))
    .sort()
    .reverse()
}
