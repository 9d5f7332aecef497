/* SPDX-License-Identifier: Apache-2.0 */
/* The list of components, from components.def. */
#include "pipeline/component.h"

#define SL_COMPONENT(name) extern const struct sl_component_type name;
#include "app/components.def"
#undef SL_COMPONENT

const struct sl_component_type *const sl_component_types[] = {
#define SL_COMPONENT(name) &name,
#include "app/components.def"
#undef SL_COMPONENT
    NULL,
};
