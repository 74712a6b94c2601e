// TS2339: Property 'openFrom' does not exist on type 'typeof Secrets'.

import { Secrets } from "../../module/dist/index.js";

const secrets = await Secrets.open();
console.log(secrets, Secrets.openFrom);
