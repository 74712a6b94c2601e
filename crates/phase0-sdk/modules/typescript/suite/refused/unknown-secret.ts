// TS2339: Property 'redisSuite' does not exist on type 'Secrets'.

import { Secrets } from "../../module/dist/index.js";

const secrets = await Secrets.open();
await secrets.redisSuite();
