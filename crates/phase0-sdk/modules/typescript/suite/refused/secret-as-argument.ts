// TS2345: Argument of type 'SecretText' is not assignable to parameter of type 'string'.

import { Secrets } from "../../module/dist/index.js";

const secrets = await Secrets.open();
console.log(Number.parseInt(await secrets.stripeSuite()));
