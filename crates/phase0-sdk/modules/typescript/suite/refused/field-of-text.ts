// TS2339: Property 'value' does not exist on type 'SecretText'.

import { Secrets } from "../../module/dist/index.js";

const secrets = await Secrets.open();
console.log((await secrets.stripeSuite()).value);
