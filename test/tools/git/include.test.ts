import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { copyIncluded, globs } from '../../../lib/tools/git/include.ts'
import { makeWorld, type World } from './repository.ts'

let world: World
let target: string
beforeEach(async () => {
  world = await makeWorld()
  target = join(world.directory, 'target')
  mkdirSync(target)
})
afterEach(() => world.close())

const copy = (lines: string) => {
  world.write('.worktreeinclude', lines)
  return copyIncluded(world.main, target, ['.orchestrator-state/**'])
}

it('reads lines as .gitignore does', () => {
  expect(globs('# comment\n\n  .env  \r\n/top\nconf/local.yaml\n!skip\nbuild/\n')).toEqual({
    patterns: [
      '**/.env',
      '**/.env/**',
      'top',
      'top/**',
      'conf/local.yaml',
      'conf/local.yaml/**',
      '**/build',
      '**/build/**',
    ],
    ignore: ['**/skip', '**/skip/**'],
  })
})

it('copies at any depth, only what the top has when anchored, and takes back what is negated', async () => {
  for (const name of ['.env', 'app/.env', 'app/skip/.env', 'top/x', 'app/top/x', 'conf/[a] b.yaml'])
    world.write(name, name)
  expect(await copy('.env\n/top\nconf\n!skip\n')).toEqual(['.env', 'app/.env', 'conf/[a] b.yaml', 'top/x'])
  expect(readFileSync(join(target, 'app/.env'), 'utf8')).toBe('app/.env')
})

it('brings neither git’s files, nor Dirigent’s, nor a symbolic link', async () => {
  world.write('.orchestrator-state/tasks/x/status.json', '{}')
  symlinkSync('/etc/passwd', join(world.main, 'passwd'))
  symlinkSync('/etc', join(world.main, 'etc'))
  expect(await copy('**\n')).toEqual(['.worktreeinclude', 'a.txt'])
})

it('overwrites nothing, and keeps the mode of what it copies', async () => {
  world.write('.env', 'secret')
  world.write('run.sh', '#!/bin/sh\n', 0o755)
  world.write(`${target}/.env`, 'theirs')
  expect(await copy('.env\nrun.sh\n')).toEqual(['run.sh'])
  expect(readFileSync(join(target, '.env'), 'utf8')).toBe('theirs')
  expect(statSync(join(target, 'run.sh')).mode & 0o777).toBe(0o755)
})

it('follows no link that the base carries: out of the worktree, to nowhere, or in place of the file', async () => {
  const outside = join(world.directory, 'outside')
  mkdirSync(outside)
  for (const name of ['conf/.env', 'dangling/.env', 'file/.env', 'direct.env']) world.write(name, 'secret')
  symlinkSync(outside, join(target, 'conf'))
  symlinkSync(join(world.directory, 'nowhere'), join(target, 'dangling'))
  symlinkSync(join(outside, 'direct'), join(target, 'direct.env'))
  world.write(`${target}/file`, 'a file where a directory is needed')
  expect(await copy('.env\n*.env\n')).toEqual([])
  expect(readdirSync(outside)).toEqual([])
  expect(existsSync(join(world.directory, 'nowhere'))).toBe(false)
  expect(lstatSync(join(target, 'direct.env')).isSymbolicLink()).toBe(true)
})

it('refuses patterns that match thousands of files, copying none', async () => {
  for (let n = 0; n < 2001; n++) world.write(`many/${n}`, '')
  await expect(copy('many\n')).rejects.toMatchObject({ code: 'bad-config' })
  expect(readdirSync(target)).toEqual([])
})
