import { print } from '../../lib/kit/cli.ts'
import { overview } from '../../lib/view/help.ts'

print(overview())
