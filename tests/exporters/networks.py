"""The networks of the sweep: seeded random weights, small configurations, and inputs as users would send them."""
import dataclasses
import typing

import torch

TEXT_VARIANTS = (
    ("classic", 13, "eager"),
    ("classic", 17, "eager"),
    ("classic", 17, "sdpa"),
    ("dynamo", 20, "eager"),
    ("dynamo", 20, "sdpa"),
    ("dynamo", 23, "sdpa"),
)
# Networks whose attention knows no other way.
EAGER_VARIANTS = tuple(variant for variant in TEXT_VARIANTS if variant[2] == "eager")
IMAGE_VARIANTS = (("classic", 17, "default"), ("dynamo", 20, "default"))
# Transformers for images have both kinds of attention.
IMAGE_ATTENTION_VARIANTS = (
    ("classic", 17, "eager"),
    ("classic", 17, "sdpa"),
    ("dynamo", 20, "sdpa"),
    ("dynamo", 23, "sdpa"),
)
VOCABULARY = 1000


@dataclasses.dataclass(frozen=True)
class Network:
    name: str
    family: str
    build: typing.Callable  # of the kind of attention: a module whose forward returns one tensor
    variants: tuple
    side: int = 0  # of a square image; 0: a text
    vocabulary: int = VOCABULARY

    def example(self, batch, length):
        """Inputs by name. The second text of a batch is shorter than the first, and padded."""
        generator = torch.Generator().manual_seed(1)
        if self.side:
            return {"pixels": torch.randn(batch, 3, self.side, self.side, generator=generator)}
        ids = torch.randint(5, self.vocabulary, (batch, length), generator=generator)
        mask = torch.ones(batch, length, dtype=torch.int64)
        mask[1:, length - 5:] = 0
        ids[1:, length - 5:] = 1  # the padding token of RoBERTa, whose positions are counted from it
        return {"input_ids": ids, "attention_mask": mask}


def interesting(result):
    """The tensor that users of a network of transformers look at."""
    logits = getattr(result, "logits", None)
    return logits if logits is not None else result.last_hidden_state


class OfText(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, input_ids, attention_mask):
        return interesting(self.network(input_ids=input_ids, attention_mask=attention_mask))


class OfPixels(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pixels):
        return interesting(self.network(pixel_values=pixels))


class MeanPooled(OfText):
    """As sentence-transformers does it: the mean over the mask, brought to length 1."""

    def forward(self, input_ids, attention_mask):
        tokens = self.network(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).expand(tokens.size()).to(tokens.dtype)
        mean = (tokens * mask).sum(1) / torch.clamp(mask.sum(1), min=1e-9)
        return torch.nn.functional.normalize(mean, p=2, dim=1)


def hugging_face(model, config, wrapper, **settings):
    """A function that builds `model` of transformers from its config class."""

    def build(attention):
        import transformers

        made = getattr(transformers, config)(**settings)
        if attention != "default":
            made._attn_implementation = attention
        return wrapper(getattr(transformers, model)(made))

    return build


BERT_SIZE = dict(vocab_size=VOCABULARY, hidden_size=128, num_hidden_layers=2, num_attention_heads=4,
                 intermediate_size=256, max_position_embeddings=130)


def text(name, family, model, config, wrapper=OfText, variants=TEXT_VARIANTS, **settings):
    return Network(name, family, hugging_face(model, config, wrapper, **settings), variants)


def texts():
    distil = dict(vocab_size=VOCABULARY, dim=128, n_layers=2, n_heads=4, hidden_dim=256, max_position_embeddings=130)
    deberta = dict(BERT_SIZE, relative_attention=True, position_buckets=32, norm_rel_ebd="layer_norm",
                   share_att_key=True, pos_att_type=["p2c", "c2p"], position_biased_input=False, type_vocab_size=0)
    modern = dict(vocab_size=VOCABULARY, hidden_size=128, num_hidden_layers=4, num_attention_heads=4,
                  intermediate_size=192, max_position_embeddings=256, global_attn_every_n_layers=3, local_attention=16,
                  pad_token_id=1, bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3)
    llama = dict(vocab_size=VOCABULARY, hidden_size=128, num_hidden_layers=2, num_attention_heads=4,
                 num_key_value_heads=4, intermediate_size=256, max_position_embeddings=256, pad_token_id=1,
                 bos_token_id=2, eos_token_id=3)
    return [
        text("bert", "BERT", "BertModel", "BertConfig", **BERT_SIZE),
        text("bert-classifier", "BERT", "BertForSequenceClassification", "BertConfig", **BERT_SIZE),
        text("bert-tokens", "BERT", "BertForTokenClassification", "BertConfig", **BERT_SIZE),
        text("bert-gelu-new", "BERT", "BertModel", "BertConfig", hidden_act="gelu_new", **BERT_SIZE),
        text("minilm-pooled", "MiniLM", "BertModel", "BertConfig", MeanPooled, **BERT_SIZE),
        text("roberta", "RoBERTa", "RobertaModel", "RobertaConfig", **BERT_SIZE),
        text("roberta-classifier", "RoBERTa", "RobertaForSequenceClassification", "RobertaConfig", **BERT_SIZE),
        text("xlm-roberta", "RoBERTa", "XLMRobertaModel", "XLMRobertaConfig", **BERT_SIZE),
        text("camembert", "RoBERTa", "CamembertModel", "CamembertConfig", **BERT_SIZE),
        text("distilbert", "DistilBERT", "DistilBertModel", "DistilBertConfig", **distil),
        text("distilbert-classifier", "DistilBERT", "DistilBertForSequenceClassification", "DistilBertConfig", **distil),
        text("mpnet", "MPNet", "MPNetModel", "MPNetConfig", variants=EAGER_VARIANTS, **BERT_SIZE),
        text("mpnet-pooled", "MPNet", "MPNetModel", "MPNetConfig", MeanPooled, EAGER_VARIANTS, **BERT_SIZE),
        text("electra", "ELECTRA", "ElectraModel", "ElectraConfig", embedding_size=64, **BERT_SIZE),
        text("electra-classifier", "ELECTRA", "ElectraForSequenceClassification", "ElectraConfig", embedding_size=64,
             **BERT_SIZE),
        text("albert", "ALBERT", "AlbertModel", "AlbertConfig", embedding_size=64, **BERT_SIZE),
        text("deberta-v2", "DeBERTa-v2", "DebertaV2Model", "DebertaV2Config", variants=EAGER_VARIANTS, **deberta),
        text("deberta-v2-classifier", "DeBERTa-v2", "DebertaV2ForSequenceClassification", "DebertaV2Config",
             variants=EAGER_VARIANTS, **deberta),
        text("modernbert", "ModernBERT", "ModernBertModel", "ModernBertConfig", **modern),
        text("modernbert-classifier", "ModernBERT", "ModernBertForSequenceClassification", "ModernBertConfig", **modern),
        text("nomic", "Nomic", "NomicBertModel", "NomicBertConfig", **BERT_SIZE),
        text("eurobert", "others", "EuroBertModel", "EuroBertConfig", **llama),
        text("esm", "others", "EsmModel", "EsmConfig", position_embedding_type="rotary", pad_token_id=1,
             mask_token_id=4, **BERT_SIZE),
        text("squeezebert", "others", "SqueezeBertModel", "SqueezeBertConfig", variants=EAGER_VARIANTS,
             embedding_size=128, **BERT_SIZE),
        text("convbert", "others", "ConvBertModel", "ConvBertConfig", variants=EAGER_VARIANTS, embedding_size=128,
             **BERT_SIZE),
        text("t5-encoder", "others", "T5EncoderModel", "T5Config", vocab_size=VOCABULARY, d_model=128, d_kv=32,
             d_ff=256, num_layers=2, num_heads=4),
    ]


VIT_SIZE = dict(hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256, image_size=64)


def vit(name, model, config, **settings):
    return Network(name, "ViT", hugging_face(model, config, OfPixels, **{**VIT_SIZE, **settings}), IMAGE_ATTENTION_VARIANTS, 64)


def image_transformers():
    return [
        vit("vit", "ViTModel", "ViTConfig"),
        vit("vit-classifier", "ViTForImageClassification", "ViTConfig"),
        vit("deit", "DeiTForImageClassification", "DeiTConfig"),
        vit("beit", "BeitForImageClassification", "BeitConfig", use_relative_position_bias=True),
        vit("dinov2", "Dinov2Model", "Dinov2Config", patch_size=16),
        vit("dinov3", "DINOv3ViTModel", "DINOv3ViTConfig"),
        vit("clip-vision", "CLIPVisionModel", "CLIPVisionConfig"),
        vit("siglip-vision", "SiglipVisionModel", "SiglipVisionConfig"),
    ]


def with_running_statistics(module):
    """BatchNormalization with means and variances that are not 0 and 1."""
    generator = torch.Generator().manual_seed(2)
    for part in module.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm) and part.running_mean is not None:
            part.running_mean.copy_(0.1 * torch.randn(part.running_mean.shape, generator=generator))
            part.running_var.copy_(0.8 + 0.4 * torch.rand(part.running_var.shape, generator=generator))
    return module


def without_zeros(module):
    """Some networks start with a head of zeros, whose results would prove nothing."""
    generator = torch.Generator().manual_seed(3)
    for parameter in module.parameters():
        if parameter.dim() > 1 and not parameter.any():
            parameter.copy_(0.02 * torch.randn(parameter.shape, generator=generator))
    return module


def torchvision_network(name, side):
    def build(_):
        import torchvision

        heads = dict(aux_logits=False, init_weights=True) if name in ("googlenet", "inception_v3") else {}
        return with_running_statistics(getattr(torchvision.models, name)(weights=None, **heads))

    return Network("torchvision/" + name, "torchvision", build, IMAGE_VARIANTS, side)


def timm_network(name, side):
    def build(_):
        import timm

        return without_zeros(with_running_statistics(timm.create_model(name, pretrained=False)))

    return Network("timm/" + name, "timm", build, IMAGE_VARIANTS, side)


TORCHVISION = {
    128: "resnet18 resnet50 resnext50_32x4d wide_resnet50_2 densenet121 squeezenet1_0 squeezenet1_1 "
         "googlenet mobilenet_v2 mobilenet_v3_small mobilenet_v3_large mnasnet0_5 mnasnet1_0 shufflenet_v2_x0_5 "
         "shufflenet_v2_x1_0 efficientnet_b0 efficientnet_b1 efficientnet_v2_s regnet_x_400mf regnet_y_400mf "
         "convnext_tiny swin_t swin_v2_t",
    224: "vit_b_32 inception_v3 maxvit_t alexnet vgg11_bn",
}
TIMM = {
    224: "vit_tiny_patch16_224 deit_tiny_patch16_224 deit_tiny_distilled_patch16_224 swin_tiny_patch4_window7_224 "
         "mixer_s32_224 resmlp_12_224 gmlp_ti16_224 levit_128s pit_ti_224 convit_tiny cait_xxs24_224 "
         "xcit_nano_12_p16_224 beit_base_patch16_224 eva02_tiny_patch14_224 tiny_vit_5m_224 twins_svt_small "
         "visformer_tiny coat_tiny efficientformer_l1 volo_d1_224 vit_relpos_small_patch16_224",
    256: "maxvit_rmlp_pico_rw_256",
    128: "resnet18 resnet26d resnet50 seresnet50 ecaresnet26t res2net50_14w_8s resnest14d skresnet18 resnetv2_50 "
         "regnetx_002 regnety_002 rexnet_100 ghostnet_100 ghostnetv2_100 mnasnet_small fbnetc_100 mixnet_s tinynet_e "
         "lcnet_050 mobilenetv1_100 mobilenetv2_100 mobilenetv3_small_100 mobilenetv3_large_100 mobilenetv4_conv_small "
         "efficientnet_b0 efficientnet_lite0 efficientnetv2_rw_t tf_efficientnet_b0 mobilevit_xxs mobilevitv2_050 "
         "mobileone_s0 repvgg_a0 repghostnet_050 vgg11 densenet121 inception_v4 xception41 dla34 hrnet_w18_small darknet53 "
         "cspresnet50 dm_nfnet_f0 nf_regnet_b1 poolformer_s12 caformer_s18 convnext_atto convnextv2_atto edgenext_xx_small "
         "efficientvit_b0 fastvit_t8 pvt_v2_b0 ese_vovnet19b_dw hgnet_tiny hgnetv2_b0 starnet_s1 repvit_m0_9 mambaout_femto "
         "swiftformer_xs fasternet_t0 focalnet_tiny_srf gernet_s selecsls42 tresnet_m",
}


def networks():
    found = texts() + image_transformers()
    found += [torchvision_network(name, side) for side, names in TORCHVISION.items() for name in names.split()]
    found += [timm_network(name, side) for side, names in TIMM.items() for name in names.split()]
    return found
