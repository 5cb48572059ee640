/** A list in somebody's JSON is changed, and nothing around it: what is added and taken out again leaves no trace. */
import { expect, it } from 'vitest'
import { addTexts, takeMember, takeTexts } from '../../lib/kit/json-text.ts'

const keys = ['permissions', 'allow']
const ours = ['Skill(x)', 'Bash(x "y" \\:*)', '",":"']
const listOf = (json: string) => JSON.parse(json.replace('\ufeff', '')).permissions.allow

// Seen to fail: written by JSON.stringify.
it.each([
  [
    'two spaces',
    '{\n  "model": "opus",\n  "permissions": {\n    "allow": [\n      "A"\n    ],\n    "deny": []\n  }\n}\n',
  ],
  [
    'tabs and CRLF',
    '{\r\n\t"permissions": {\r\n\t\t"allow": [\r\n\t\t\t"A",\r\n\t\t\t"B"\r\n\t\t]\r\n\t},\r\n\t"n": 1\r\n}\r\n',
  ],
  ['one line', '{"permissions": {"allow": ["A", "B"], "deny": []}, "big": 12345678901234567890, "f": 1.0}'],
  ['an empty list', '{\n    "permissions": { "allow": [], "deny": ["]", "}", "\\""] }\n}'],
  ['a list of one, close', '{"permissions":{"allow":["A"]}}'],
  [
    'a key twice, a mark in front',
    '\ufeff{ "permissions": 1, "permissions": { "a": {"allow": []}, "allow": ["A"] } }',
  ],
])('adds to a list and takes out again: %s', (_, json) => {
  const before = listOf(json)
  const added = addTexts(json, keys, ours)
  expect(listOf(added)).toEqual([...before, ...ours])
  expect(takeTexts(added, keys, ours)).toBe(json)
})

it.each([
  ['nothing there', '{}\n', ['permissions']],
  ['no permissions', '{\n  "model": "opus"\n}\n', ['permissions']],
  ['no permissions, one line', '{"model": "opus"}', ['permissions']],
  [
    'no list, tabs and CRLF',
    '{\r\n\t"permissions": {\r\n\t\t"deny": [\r\n\t\t\t"x"\r\n\t\t]\r\n\t}\r\n}',
    keys,
  ],
])('makes what is missing, in the style that is there, and takes it out again: %s', (_, json, made) => {
  const added = addTexts(json, keys, ours)
  expect(listOf(added)).toEqual(ours)
  expect(added.includes('\t')).toBe(json.includes('\t'))
  expect(takeMember(added, made)).toBe(json)
})

it('leaves what stands between and behind', () => {
  const mixed = addTexts('{"permissions": {"allow": ["A"]}}', keys, ours).replace('"Skill', '"B", "Skill')
  expect(listOf(takeTexts(mixed.replace(/\]\}\}$/, ', "C"]}}'), keys, ours))).toEqual(['A', 'B', 'C'])
  expect(listOf(takeTexts('{"permissions": {"allow": ["Skill(x)", "A"]}}', keys, ours))).toEqual(['A'])
})

it('is not brought down by how deep a file goes', () => {
  const deep = `{"a": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`
  expect(takeMember(addTexts(deep, keys, ours), ['permissions'])).toBe(deep)
})
