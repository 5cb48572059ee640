/**
 * The floors of AGENTS.md: who may import whom. Each rule was seen to fail by the change named beside it.
 */
import { expect, it } from 'vitest'
import { importsOf, localImportsOf, type Source, sourcesOf } from './support/sources.ts'

const lib = sourcesOf('lib')
const verbs = sourcesOf('bin')
const all = [...lib, ...verbs]

/** Floor → the floors of lib/ that it may import beside itself. */
const below: Readonly<Record<string, readonly string[]>> = {
  kit: [],
  state: ['kit'],
  tools: ['kit'],
  rules: ['kit', 'state', 'tools'],
  view: ['kit', 'state', 'tools', 'rules'],
  flows: ['kit', 'state', 'tools', 'rules', 'view'],
}

const floorOf = (path: string): string => path.split('/')[1] ?? ''
const arrow = (from: string, to: string): string => `${from} → ${to}`

it('finds sources on every floor', () => {
  expect([...new Set(lib.map((source) => floorOf(source.path)))].sort()).toEqual(Object.keys(below).sort())
  expect(lib.flatMap(localImportsOf).length).toBeGreaterThan(lib.length)
})

// Seen to fail: lib/kit/text.ts importing ../rules/reach.ts; lib/state/paths.ts importing a type of ../tools/git/locate.ts.
it('lets a module of lib import only its own floor and lower ones', () => {
  const wrong = lib.flatMap((source) => {
    const mine = floorOf(source.path)
    return localImportsOf(source)
      .filter((to) => {
        const floor = to.startsWith('lib/') ? floorOf(to) : 'outside lib'
        return floor !== mine && !below[mine]?.includes(floor)
      })
      .map((to) => arrow(source.path, to))
  })
  expect(wrong).toEqual([])
})

// Seen to fail: lib/rules/reach.ts importing stateDirectoryName from ../state/paths.ts.
it('lets rules take only types from state and tools', () => {
  const value = /^import (?!type\b)(?!\{\s*type\b)[^'"]*? from '(\.\.\/(?:state|tools)\/[^']+)'/gm
  const wrong = lib
    .filter((source) => floorOf(source.path) === 'rules')
    .flatMap((source) => [...source.text.matchAll(value)].map((match) => arrow(source.path, match[1] ?? '')))
  expect(wrong).toEqual([])
})

// Seen to fail: lib/rules/reach.ts importing node:fs.
it('keeps rules and view pure: they import nothing of Node and start nothing', () => {
  const wrong = lib
    .filter((source) => ['rules', 'view'].includes(floorOf(source.path)))
    .flatMap((source) =>
      importsOf(source)
        .filter(
          (name) =>
            name.startsWith('node:') ||
            /kit\/(?:proc|detach|lock|files|read|sweep|watch|package)\.ts$/.test(name),
        )
        .map((name) => arrow(source.path, name)),
    )
  expect(wrong).toEqual([])
})

// Seen to fail: lib/kit/errors.ts importing ./cli.ts.
it('has no circle of imports', () => {
  const graph = new Map(all.map((source) => [source.path, localImportsOf(source)]))
  const circles: string[] = []
  const done = new Set<string>()
  const walk = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path)
    if (at !== -1) circles.push([...trail.slice(at), path].join(' → '))
    if (at !== -1 || done.has(path)) return
    for (const next of graph.get(path) ?? []) walk(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) walk(path, [])
  expect(circles).toEqual([])
})

// Seen to fail: bin/verbs/init.ts importing ../../lib/state/paths.ts.
it('lets a verb import only flows, view and kit/cli', () => {
  const wrong = verbs.flatMap((source) =>
    importsOf(source)
      .filter((name) => !/^\.\.\/\.\.\/lib\/(?:flows\/|view\/|kit\/cli\.ts$)/.test(name))
      .map((name) => arrow(source.path, name)),
  )
  expect(wrong).toEqual([])
})

// Seen to fail: ten empty comment lines at the end of bin/verbs/status.ts.
it('keeps a verb to a sentence: 25 lines at most', () => {
  expect(tooLong(verbs, 25)).toEqual([])
})

// Seen to fail: lib/kit/cli.ts at 282 lines, before its arguments moved out.
it('keeps every file of lib short enough for its reader: 250 lines at most', () => {
  expect(tooLong(lib, 250)).toEqual([])
})

// Seen to fail: bin/verbs/init.ts importing init.js.
it('names project files with their .ts ending', () => {
  const wrong = all.flatMap((source) =>
    importsOf(source)
      .filter((name) => name.startsWith('.') && !name.endsWith('.ts'))
      .map((name) => arrow(source.path, name)),
  )
  expect(wrong).toEqual([])
})

function tooLong(sources: readonly Source[], most: number): string[] {
  return sources
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > most)
    .map(({ path, lines }) => `${path}: ${lines} lines`)
}
