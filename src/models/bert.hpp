// BERT (Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding") and the
// encoders that differ from it in details: RoBERTa, DistilBERT, ELECTRA, MPNet.
#pragma once

#include <cstdint>
#include <string>

#include "graph/graph.hpp"
#include "models/layer_writer.hpp"
#include "models/weight_source.hpp"

namespace tessera {

struct BertConfig {
  /// What follows the encoder.
  enum class Head : std::uint8_t {
    none,              ///< last_hidden_state
    pooler,            ///< + pooler_output: tanh of a linear layer of the first token
    sequence_classes,  ///< logits [batch, classes] of the first token, through a hidden layer
    token_classes      ///< logits [batch, seq, classes]
  };

  std::string name = "bert-base";
  std::int64_t layers = 12, heads = 12, hidden = 768, intermediate = 3072;
  std::int64_t vocabulary = 30522, positions = 512;
  std::int64_t token_types = 2;  ///< 0: none
  bool token_type_input = true;  ///< false: every token is of type 0
  std::int64_t embedding = 0;    ///< width of the embeddings where a linear layer widens them (ELECTRA); 0: hidden
  float epsilon = 1e-12F;        ///< of LayerNormalization
  Activation activation = Activation::gelu;

  /// The number of a token: its place in the sequence, or (RoBERTa) its place among those that are no padding, counted
  /// from padding_token + 1.
  bool positions_skip_padding = false;
  std::int64_t padding_token = 0;
  std::int64_t relative_buckets = 0;  ///< of a bias by distance on the scores (MPNet); 0: none

  Head head = Head::pooler;
  std::int64_t classes = 0;
  /// Names of the classifier's layers, and what stands between them. An empty first name: the classifier alone.
  std::string head_dense = "pooler.dense", head_output = "classifier";
  Activation head_activation = Activation::tanh;
};

BertConfig bert_base();
BertConfig bert_large();

/// input_ids, attention_mask, token_type_ids, each i64 [batch, seq] -> what the head gives, in the decomposed nodes
/// that PyTorch exports. Weights are named as BERT names them, whatever the family: a source of trained weights
/// translates. Synthetic weights are of a size that keeps attention from being flat and GELU from being linear; the
/// same seed gives the same bits everywhere.
Graph build_bert(const BertConfig& config, WeightSource& source);
Graph build_bert(const BertConfig& config, std::uint64_t seed);

}  // namespace tessera
