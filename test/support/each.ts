/** For test files whose tests each want a repository of their own: one scripted model, a new sandbox every time. */
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { type ScriptedModel, startScriptedModel } from '../scripted-model/server.ts'
import { makeSandbox, type Sandbox } from './sandbox.ts'

/** @param use is given each test's sandbox before the test */
export function sandboxForEach(config: Readonly<Record<string, unknown>>, use: (box: Sandbox) => void): void {
  let model: ScriptedModel
  let box: Sandbox
  beforeAll(async () => {
    model = await startScriptedModel()
  })
  afterAll(async () => {
    await model.close()
  })
  beforeEach(async () => {
    box = await makeSandbox({ model, config })
    use(box)
  })
  afterEach(async () => {
    await box.close()
  })
}

/** The same for tests that run beside one another: gives a function that makes one, which is closed after the last. */
export function sandboxes(): (config: Readonly<Record<string, unknown>>) => Promise<Sandbox> {
  const made: Sandbox[] = []
  let model: ScriptedModel
  beforeAll(async () => {
    model = await startScriptedModel()
  })
  afterAll(async () => {
    for (const box of made) await box.close()
    await model.close()
  })
  return async (config) => {
    const box = await makeSandbox({ model, config })
    made.push(box)
    return box
  }
}
