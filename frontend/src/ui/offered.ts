/** A kind of something that can be made, or cannot, and why. */
export type Offered = {
  kind: string;
  label: string;
  help: string;
  available: boolean;
  unavailableReason: string | null;
};
