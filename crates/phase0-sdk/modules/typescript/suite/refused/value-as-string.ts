// TS2322: Type 'SecretText' is not assignable to type 'string'.

import { Secrets } from "../../module/dist/index.js";

const secrets = await Secrets.open();
const password: string = (await secrets.postgresSuite()).password;
console.log(password);
