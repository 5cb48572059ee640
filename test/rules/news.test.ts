import { expect, it } from 'vitest'
import { composeNews } from '../../lib/rules/news.ts'
import { failure, mail, say, task } from './records.ts'

it('tells a thread what it does not know, in few words', () => {
  const plain = {
    say,
    status: task({ attempt: 3 }),
    refined: null,
    specPath: '/spec.md',
    maxBytes: 98_304,
    failure: null,
    messages: [],
    seenDirectory: '/seen',
    lessons: [],
    lessonsDirectory: '/lessons',
  }
  const nothing = composeNews(plain)
  expect(nothing).toMatch(/^# You go on\n[\s\S]*\nAttempt: 3\n$/)
  expect(nothing.length).toBeLessThan(300)
  const messages = [mail('1', 'Hurry.')]
  const lessons = ['Say please.']
  const full = composeNews({
    ...plain,
    refined: 'Make it blue.',
    failure: failure('crash'),
    messages,
    lessons,
  })
  expect(full.split('\n').filter((line) => line.startsWith('#'))).toEqual([
    '# You go on',
    '# Lessons',
    '# The task was refined: A task',
    '# Why the last attempt did not end the task',
    '# Messages for you',
    '## 1: note from the person, 2026-02-03 04:05 UTC',
  ])
})
