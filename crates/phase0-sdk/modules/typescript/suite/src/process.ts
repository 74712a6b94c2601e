// A program that reads its secrets, prints them as well as it can, and has nothing more to do.

import { Secrets } from "../../module/dist/index.js";

const secrets = await Secrets.open();
await secrets.refresh();
console.log(await secrets.stripeSuite(), await secrets.postgresSuite());
console.error(secrets, JSON.stringify(await secrets.tlsSuite()));
