import { describe, expect, it } from 'vitest'
import { markerName, workerEnvironment } from '../../lib/rules/environment.ts'
import { task } from './records.ts'

const { workplace } = task()
if (!workplace) throw new Error('the record has a workplace')
const place = {
  id: 'a-task',
  attempt: 2,
  taskDirectory: '/repo/.orchestrator-state/tasks/a-task',
  repo: '/repo',
  workplace,
  shims: '/shims',
  verbs: '/package/bin/worker',
  buildQueue: '/home/me/.local/state/dirigent/build',
  marker: '/repo/.orchestrator-state/tasks/a-task#2',
}
const make = (caller: NodeJS.ProcessEnv, withhold: string[] = [], identity = {}) =>
  workerEnvironment(caller, place, withhold, identity)

describe('a worker’s environment', () => {
  it.each([
    'GH_TOKEN',
    'GITHUB_TOKEN',
    'GITLAB_TOKEN',
    'ANTHROPIC_API_KEY',
    'CLAUDECODE',
    'CLAUDE_CODE_ENTRYPOINT',
    'NPM_TOKEN',
    'SSH_AUTH_SOCK',
    'GIT_DIR',
    'GIT_SSH_COMMAND',
    'GIT_CONFIG_COUNT',
    'DIRIGENT_BUILD_TURN',
  ])('does not have the caller’s %s', (name) => {
    expect(make({ [name]: 'x' })[name]).toBeUndefined()
  })

  it.each([
    'HOME',
    'LANG',
    'OPENAI_API_KEY',
    'CODEX_HOME',
    'MY_GITHUB_TOKEN',
    'GIT_AUTHOR_NAME',
    'GIT_CONFIG_GLOBAL',
  ])('has the caller’s %s', (name) => {
    expect(make({ [name]: 'x' })[name]).toBe('x')
  })

  it('lacks what the configuration withholds, by globs that match whole names', () => {
    const env = make({ AWS_SECRET: '1', MY_AWS: '2', S3X: '3', 'S3.': '4', KEY_A: '5', KEY_AB: '6' }, [
      'AWS_*',
      'S3.',
      'KEY_?',
    ])
    expect(env).toMatchObject({ MY_AWS: '2', S3X: '3', KEY_AB: '6' })
    for (const name of ['AWS_SECRET', 'S3.', 'KEY_A']) expect(env[name], name).toBeUndefined()
  })

  it('names the task, its ports and its verbs, whatever the caller had under these names', () => {
    const caller = { PATH: '/usr/bin', PORT: '80', DIRIGENT_TASK: 'another', DIRIGENT_ATTEMPT: 'another#1' }
    expect(make(caller)).toEqual({
      PATH: '/shims:/package/bin/worker:/usr/bin',
      PORT: '20000',
      DIRIGENT_PORT_BASE: '20000',
      DIRIGENT_PORT_COUNT: '10',
      DIRIGENT_TASK: 'a-task',
      DIRIGENT_TASK_DIR: place.taskDirectory,
      DIRIGENT_REPO: '/repo',
      DIRIGENT_BUILD_QUEUE: place.buildQueue,
      [markerName]: place.marker,
    })
  })

  it('says who commits when nobody has', () => {
    expect(make({}, [], { GIT_AUTHOR_NAME: 'Dirigent worker' })).toMatchObject({
      GIT_AUTHOR_NAME: 'Dirigent worker',
    })
  })
})
