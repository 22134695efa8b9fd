import type { RequestOutcome } from '../../host/index.ts';
import type { ManagedFunctionJson } from '../schemas/functions.ts';
import { functionJson } from '../views.ts';

export function outcomeJson({ functions, warnings }: RequestOutcome): {
  functions: ManagedFunctionJson[];
  warnings: string[];
} {
  return { functions: functions.map(functionJson), warnings: [...warnings] };
}
