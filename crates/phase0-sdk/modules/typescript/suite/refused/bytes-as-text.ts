// TS2322: Type 'SecretBytes' is not assignable to type 'SecretText'.

import { Secrets } from "../../module/dist/index.js";

const secrets = await Secrets.open();
const { port } = await secrets.postgresSuite();
let text = port;
text = await secrets.tlsSuite();
console.log(text);
