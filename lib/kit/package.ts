/** Where this installation of Dirigent lives: the same answer from the sources and from the build. */
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lookAt } from './read.ts'

let known: string | undefined

/** The directory that holds package.json, bin/, lib/ and skill/. */
export function packageRoot(): string {
  known ??= findUp(dirname(fileURLToPath(import.meta.url)))
  return known
}

/** A page for people that comes with us; where it is, for somebody who is elsewhere. */
export const referencePage = (name: string): string => join(packageRoot(), 'skill', 'reference', name)

/** The program and first words that start another verb: the build when this is the build, else the sources. */
export function verbProgram(verb: string): string[] {
  const here = dirname(fileURLToPath(import.meta.url))
  return basename(here) === 'dist'
    ? [join(here, `${verb}.cjs`)]
    : [join(packageRoot(), 'bin', 'dirigent'), verb]
}

/** Another one when the program of a verb has been built anew; empty where there is no build. */
export function buildStamp(verb: string): string {
  const there = lookAt(join(packageRoot(), 'dist', `${verb}.cjs`))
  return there ? `${there.ino} ${there.mtimeMs}` : ''
}

/** Why this Node cannot run us, or null. */
export function nodeProblem(): string | null {
  const { engines } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'))
  const [major = 0, minor = 0] = String(engines.node).match(/\d+/g)?.map(Number) ?? []
  const [ours = 0, theirs = 0] = process.versions.node.split('.').map(Number)
  if (ours > major || (ours === major && theirs >= minor)) return null
  return `Node ${process.versions.node} is too old; ${major}.${minor} is needed`
}

export function packageVersion(): string {
  return String(JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')).version)
}

function findUp(directory: string): string {
  for (let here = directory; ; here = dirname(here)) {
    if (existsSync(join(here, 'package.json')) && existsSync(join(here, 'skill'))) return here
    if (here === dirname(here)) throw new Error(`no package.json with a skill directory above ${directory}`)
  }
}
