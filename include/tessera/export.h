/* What the shared library shows. Everything else in it is hidden, so two versions of Tessera's insides never meet. */
#ifndef TESSERA_EXPORT_H
#define TESSERA_EXPORT_H

#define TESSERA_API __attribute__((visibility("default")))

#endif
