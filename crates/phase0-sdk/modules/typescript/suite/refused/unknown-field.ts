// TS2339: Property 'host' does not exist on type 'PostgresSuite'.

import { Secrets } from "../../module/dist/index.js";

const secrets = await Secrets.open();
console.log((await secrets.postgresSuite()).host);
