// BERT encoders (Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding").
#pragma once

#include <cstdint>
#include <string>

#include "graph/graph.hpp"

namespace tessera {

struct BertConfig {
  std::string name = "bert-base";
  std::int64_t layers = 12, heads = 12, hidden = 768, intermediate = 3072;
  std::int64_t vocabulary = 30522, positions = 512, token_types = 2;
};

BertConfig bert_base();
BertConfig bert_large();

/// input_ids, attention_mask, token_type_ids, each i64 [batch, seq] -> last_hidden_state [batch, seq, hidden],
/// pooler_output [batch, hidden], in the decomposed nodes that PyTorch exports. Seeded synthetic weights of a size that
/// keeps attention from being flat and GELU from being linear. The same seed gives the same bits everywhere.
Graph build_bert(const BertConfig& config, std::uint64_t seed);

}  // namespace tessera
