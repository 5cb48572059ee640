import { describe, expect, it } from 'vitest'
import { matchesAny, outsidePaths, steeringFiles as steeringOf } from '../../lib/rules/reach.ts'

const steeringFiles = (files: string[], paths: string[]) => steeringOf(files, paths, ['.own/**'])

describe('files outside a spec’s paths', () => {
  it('are those that no glob covers', () => {
    const files = ['src/a.ts', 'src/deep/.hidden', 'test/a.ts', 'package.json', 'src2/a.ts']
    expect(outsidePaths(files, ['src/**', 'test/*.ts'])).toEqual(['package.json', 'src2/a.ts'])
  })

  it('are none when the spec names no paths', () => {
    expect(outsidePaths(['anything'], [])).toEqual([])
  })
})

// Seen to fail: without `within`, by never ending.
it('is known in good time, whatever globs a plan has and whatever names a worker gives', () => {
  const began = Date.now()
  const name = 'a'.repeat(250)
  const deep = 'a/'.repeat(2000)
  expect(outsidePaths([deep, 'b'], [`${'**/a/'.repeat(30)}b`])).toEqual([deep, 'b'])
  expect(steeringFiles([`${name}/AGENTS.md`], [`${'a*'.repeat(30)}b`])).toEqual([`${name}/AGENTS.md`])
  expect(Date.now() - began).toBeLessThan(20_000)
})

describe('files that steer agents or CI', () => {
  it.each([
    'AGENTS.md',
    'packages/web/AGENTS.md',
    'CLAUDE.md',
    'src/CLAUDE.local.md',
    '.claude/settings.json',
    'packages/web/.claude/skills/x/SKILL.md',
    '.codex/config.toml',
    '.github/workflows/ci.yml',
    '.gitlab-ci.yml',
    '.devcontainer/Dockerfile',
    '.vscode/tasks.json',
    '.mcp.json',
    '.gitmodules',
    'deep/.gitattributes',
    '.worktreeinclude',
    '.own/config.yaml',
  ])('include %s', (file) => {
    expect(steeringFiles([file, 'src/a.ts'], [])).toEqual([file])
    for (const catchAll of ['**', '*', '**/*', './**', '**/*.md'])
      expect(steeringFiles([file], [catchAll]), catchAll).toEqual([file])
  })

  it('are the task’s business when its paths name them', () => {
    expect(steeringFiles(['AGENTS.md', '.github/workflows/ci.yml'], ['AGENTS.md'])).toEqual([
      '.github/workflows/ci.yml',
    ])
    expect(steeringFiles(['.github/workflows/ci.yml'], ['.github/**'])).toEqual([])
  })

  it('do not include ordinary files of similar names', () => {
    expect(steeringFiles(['docs/agents.md', 'github/x.yml', 'src/vscode/a.ts', '.gitignore'], [])).toEqual([])
  })
})

it('matches branches by globs, and nothing without any', () => {
  expect(matchesAny('release/1.2', ['release/*'])).toBe(true)
  expect(matchesAny('release/1/2', ['release/*'])).toBe(false)
  expect(matchesAny('release/1/2', ['release/**'])).toBe(true)
  expect(matchesAny('main', [])).toBe(false)
})
