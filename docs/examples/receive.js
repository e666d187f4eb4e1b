// Verifies a push with the secret; returns the status of the response.
import { Webhook, WebhookVerificationError } from "standardwebhooks";

export function receive(secret, body, headers) {
  try {
    const push = new Webhook(secret).verify(body, headers);
    console.log(push.type, push.push_id);
    return 204;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return 401;
    throw error;
  }
}
