/**
 * The scripted model on its own, to try Dirigent by hand without a provider:
 * `npx tsx test/scripted-model/main.ts [--port N]`. Prints one JSON line and serves until it is killed.
 */

import { parseArgs } from 'node:util'
import { startScriptedModel } from './server.ts'

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } })
const model = await startScriptedModel({ port: Number(values.port) })
console.log(JSON.stringify({ url: model.url, port: model.port, config: model.codexConfig(), env: model.env }))
