// TS2339: Property 'expose' does not exist on type 'Promise<SecretText>'.

import { Secrets } from "../../module/dist/index.js";

const secrets = await Secrets.open();
console.log(secrets.stripeSuite().expose());
