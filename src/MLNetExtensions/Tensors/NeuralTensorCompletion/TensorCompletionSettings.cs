using System.Text.Json;
using System.Text.Json.Serialization;
using MLNetExtensions.Torch;

namespace MLNetExtensions.Tensors;

/// <summary>How a tensor is augmented between two trainings. The values are checked where the user sets them.</summary>
internal sealed record TensorCompletionSettings
{
    public TensorSampling Sampling { get; init; }

    /// <summary>New cells for each training cell.</summary>
    public double AugmentationRatio { get; init; } = 0.5;

    public InfluenceLayers InfluenceLayers { get; init; }

    public ImportanceSign ImportanceSign { get; init; }

    /// <summary>Whether cells that are training cells are drawn again, at most ten times.</summary>
    public bool SkipObservedCells { get; init; }

    /// <summary>ε of P ← (1 - ε) P + ε / D_n.</summary>
    public double UniformMix { get; init; }

    /// <summary>Whether new values keep within the range of the training values.</summary>
    public bool ClampValues { get; init; }

    /// <summary>What a new cell counts, where a training cell counts 1.</summary>
    public double AugmentedWeight { get; init; } = 1;

    public ValuePredictor ValuePredictor { get; init; }

    /// <summary>Whether the first model stays where the second one has no smaller validation error.</summary>
    public bool KeepBetter { get; init; } = true;

    public AlsSettings Als { get; init; } = new();

    /// <summary>What was subtracted from the values, in their present unit: CP by least squares adds it again.</summary>
    public double Center { get; init; }

    /// <summary>Whether the trainings use bfloat16, see <see cref="TensorModel.UsesBFloat16"/>; scores do not.</summary>
    public bool TrainsInBFloat16 { get; init; }

    /// <summary>Whether entities without a training cell end with the mean embedding of the others of their mode and the bias 0.</summary>
    public bool FillUnseen { get; init; } = true;

    /// <summary>Is told what happens between the trainings.</summary>
    [JsonIgnore]
    public Action<string>? Log { get; init; }

    /// <summary>The numbers in [0, 1) that draw the new cells, mode by mode; null: at random, by the seed.</summary>
    [JsonIgnore]
    public IReadOnlyList<double>? Uniforms { get; init; }

    /// <summary>All of it as text, for the fingerprint of a training.</summary>
    public override string ToString() => JsonSerializer.Serialize(this, Json.Plain);
}
