#include <gtest/gtest.h>

#include <limits>

#include "core/error.hpp"
#include "graph/dim.hpp"

namespace tessera {
namespace {

const Dim batch("batch"), seq("seq"), height("h"), unknown;

TEST(Dim, NumbersAndSymbolsPrintAsThemselves) {
  EXPECT_EQ(to_string(Dim(3)), "3");
  EXPECT_EQ(to_string(batch), "batch");
  EXPECT_EQ(to_string(unknown), "?");
}

TEST(Dim, EqualMeansSameNumberOrSameText) {
  EXPECT_EQ(Dim(3), Dim(3));
  EXPECT_EQ(Dim("batch"), batch);
  EXPECT_FALSE(Dim(3) == Dim(4));
  EXPECT_FALSE(batch == seq);
  EXPECT_FALSE(batch == Dim(0));
  EXPECT_FALSE(unknown == unknown);
}

TEST(Dim, NumbersFold) {
  EXPECT_EQ(Dim(3) + Dim(4), Dim(7));
  EXPECT_EQ(Dim(3) - Dim(4), Dim(-1));
  EXPECT_EQ(Dim(3) * Dim(4), Dim(12));
  EXPECT_EQ(Dim(7) / Dim(2), Dim(3));
  EXPECT_EQ(Dim(-7) / Dim(2), Dim(-4));
}

TEST(Dim, NeutralElementsVanish) {
  EXPECT_EQ(batch * 1, batch);
  EXPECT_EQ(Dim(1) * batch, batch);
  EXPECT_EQ(batch + 0, batch);
  EXPECT_EQ(batch - 0, batch);
  EXPECT_EQ(batch / 1, batch);
  EXPECT_EQ(batch * 0, Dim(0));
}

TEST(Dim, ProductsHaveOneSpelling) {
  EXPECT_EQ(to_string(Dim(12) * seq), "(12*seq)");
  EXPECT_EQ(seq * 12, Dim(12) * seq);
  EXPECT_EQ(to_string(seq * batch * 12), "(12*batch*seq)");
  EXPECT_EQ((batch * 3) * (seq * 4), Dim(12) * batch * seq);
  EXPECT_EQ(to_string(seq * seq), "(seq*seq)");
}

TEST(Dim, SumsCollectTerms) {
  EXPECT_EQ(to_string(seq + 1), "(seq+1)");
  EXPECT_EQ(to_string(seq - 1), "(seq-1)");
  EXPECT_EQ(seq + 1 - 1, seq);
  EXPECT_EQ(seq - seq, Dim(0));
  EXPECT_EQ(seq + seq, seq * 2);
  EXPECT_EQ(to_string(seq + batch * 2 - height + 3), "((2*batch)+seq-h+3)");
  EXPECT_EQ(to_string(Dim(5) - seq), "(5-seq)");
  EXPECT_EQ(Dim(5) - seq + seq, Dim(5));
  EXPECT_EQ(to_string(seq * -2), "(-(2*seq))");
  EXPECT_EQ(seq * -2 + seq * 3, seq);
}

TEST(Dim, QuotientsCancelEqualFactors) {
  EXPECT_EQ((batch * seq) / seq, batch);
  EXPECT_EQ((batch * seq * 768) / (batch * 12 * 64), seq);
  EXPECT_EQ((seq * 12) / 6, seq * 2);
  EXPECT_EQ((seq * 12) / seq, Dim(12));
  EXPECT_EQ(to_string(seq / 8), "(seq/8)");
  EXPECT_EQ(to_string((seq * 2) / 8), "(seq/4)");
  EXPECT_EQ((seq + 1) / (seq + 1), Dim(1));
  EXPECT_EQ(to_string(batch * 3 / seq), "((3*batch)/seq)");
}

TEST(Dim, QuotientsOfSumsAreExactOrLeftAlone) {
  EXPECT_EQ((seq * 12 + 30) / 12, seq + 2);
  EXPECT_EQ((seq * 2 - 1) / 2, seq - 1);  // floor
  // The extent of a stride-2, padding-1, 3-wide window, and the same once more.
  const Dim half = (height + 2 - 3) / 2 + 1;
  EXPECT_EQ(to_string(half), "(((h-1)/2)+1)");
  EXPECT_EQ(to_string((half + 2 - 3) / 2 + 1), "((((h-1)/2)/2)+1)");
}

TEST(Dim, SumsMultiplyAsOneFactor) {
  EXPECT_EQ(to_string((seq + 1) * 2), "(2*(seq+1))");
  EXPECT_EQ((seq + 1) * batch / batch, seq + 1);
}

TEST(Dim, SymbolsWithOperatorsStayWhole) {
  const Dim odd("past-seq");
  EXPECT_EQ(to_string(odd * 2), "(2*{past-seq})");
  EXPECT_EQ(odd * 2 / 2, odd);
  EXPECT_EQ(odd + 1 - 1, odd);
  EXPECT_EQ(odd * batch / odd, batch);
}

TEST(Dim, AnySymbolTextIsHarmless) {
  for (const char* text : {"", "(", ")", "()", "(*)", "(-)", "(a", "a)", "(a+)", "{", "{}", "((a)",
                           "(9999999999999999999*a)", "(-9223372036854775808)", "(a/-2)"}) {
    const Dim odd{std::string(text)};
    EXPECT_NO_THROW({
      for (const Dim& other : {batch, Dim(2), Dim(-2), odd}) (void)to_string((odd + other) * other - odd / other);
    }) << text;
  }
}

TEST(Dim, UnknownSpreads) {
  EXPECT_EQ(to_string(unknown + 1), "?");
  EXPECT_EQ(to_string(batch * unknown), "?");
  EXPECT_EQ(to_string(unknown / unknown), "?");
}

TEST(Dim, WhatNoNumberCanSayIsUnknown) {
  const Dim large = std::numeric_limits<std::int64_t>::max();
  const Dim lowest = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(to_string(large + 1), "?");
  EXPECT_EQ(to_string(large * 2), "?");
  EXPECT_EQ(to_string(lowest / -1), "?");
  EXPECT_EQ(to_string(lowest * batch), "?");
  EXPECT_EQ(to_string(batch / 0), "?");
  EXPECT_EQ(to_string(Dim(5) / 0), "?");
}

TEST(Dim, ExpressionsDoNotGrowForEver) {
  Dim dim = batch;
  for (int i = 0; i < 100; ++i) dim = (dim + seq) / 3;
  EXPECT_EQ(to_string(dim), "?");
}

TEST(SymbolicShape, ConcreteOnlyWithNumbers) {
  EXPECT_EQ((SymbolicShape{2, 3}.to_shape()), (Shape{2, 3}));
  EXPECT_TRUE(SymbolicShape(Shape{}).concrete());
  EXPECT_FALSE((SymbolicShape{batch, 3}).concrete());
  EXPECT_FALSE(SymbolicShape{}.concrete());
  EXPECT_THROW((void)(SymbolicShape{batch, 3}.to_shape()), Error);
}

TEST(SymbolicShape, Prints) {
  EXPECT_EQ(to_string(SymbolicShape{batch, 3, 224, 224}), "[batch, 3, 224, 224]");
  EXPECT_EQ(to_string(SymbolicShape(Shape{})), "[]");
  EXPECT_EQ(to_string(SymbolicShape{}), "[...]");
}

TEST(SymbolicShape, EqualExtentByExtent) {
  EXPECT_EQ((SymbolicShape{batch, 3}), (SymbolicShape{Dim("batch"), 3}));
  EXPECT_FALSE((SymbolicShape{batch, 3}) == (SymbolicShape{batch, 4}));
  EXPECT_FALSE(SymbolicShape{} == SymbolicShape(Shape{}));
}

}  // namespace
}  // namespace tessera
