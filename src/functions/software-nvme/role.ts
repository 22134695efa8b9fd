import { primaryControllerId, type SecondaryControllers } from './secondary-controllers.ts';

/** Which of its subsystem's controllers one is. */
export interface ControllerRole {
  readonly controllerId: number;
  /** Of a virtual function. */
  readonly isVirtual: boolean;
  /** There are others in its subsystem, and they have the same namespaces. */
  readonly isShared: boolean;
  /** What a primary controller manages. */
  readonly secondaries: SecondaryControllers | undefined;
}

/** The only one there is. */
export const soleController: ControllerRole = {
  controllerId: primaryControllerId,
  isVirtual: false,
  isShared: false,
  secondaries: undefined,
};
