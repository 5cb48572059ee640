/** Seen to fail: without the look at `retired`; with `every` for one of the `some`; with `mayMeet` always false. */
import { describe, expect, it } from 'vitest'
import { lessonsFor } from '../../lib/rules/lessons.ts'

const told = (
  lesson: { paths?: string[]; tags?: string[]; retired?: string },
  paths: string[],
  tags: string[] = [],
) => lessonsFor([lesson], { paths, tags }).length === 1

it('a lesson without a trigger is for all tasks, until it is retired', () => {
  expect(told({}, ['src/**'])).toBe(true)
  expect(told({ paths: [], tags: [] }, [])).toBe(true)
  expect(told({ retired: 'a linter does it' }, [])).toBe(false)
})

it('one with tags is for the tasks that have one of them', () => {
  expect(told({ tags: ['web', 'api'] }, [], ['api'])).toBe(true)
  expect(told({ tags: ['web', 'api'] }, [], ['apis'])).toBe(false)
})

it('a tag or a path is enough', () => {
  expect(told({ tags: ['web'], paths: ['docs/**'] }, ['src/**'], ['web'])).toBe(true)
  expect(told({ tags: ['web'], paths: ['src/a.ts'] }, ['src/**'])).toBe(true)
  expect(told({ tags: ['web'], paths: ['docs/**'] }, ['src/**'])).toBe(false)
})

describe('one with paths is for the tasks that may change such files', () => {
  it.each([
    ['src/**', 'src/login/**', true],
    ['src/login/**', 'src/**', true],
    ['src/login/form.ts', 'src/**', true],
    ['./src/**', 'src/a.ts', true],
    ['**/*.ts', 'docs/a.md', true],
    ['package.json', '*', true],
    ['src/**', 'source/**', false],
    ['src/a.ts', 'src/b.ts', false],
    ['src/login/**', 'src/sign-up/**', false],
    ['package.json', 'src/**', false],
  ])('%s, %s: %s', (lesson, task, expected) => {
    expect(told({ paths: [lesson] }, [task])).toBe(expected)
  })

  it('and one that names none may change anything', () => {
    expect(told({ paths: ['src/**'] }, [])).toBe(true)
  })
})
