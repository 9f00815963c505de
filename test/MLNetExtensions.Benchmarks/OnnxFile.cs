using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace MLNetExtensions.Benchmarks;

/// <summary>Exported models in ONNX Runtime, on one thread.</summary>
internal static class OnnxFile
{
    /// <summary>Loads a model.</summary>
    public static InferenceSession Load(byte[] model)
    {
        using var settings = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        settings.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        return new(model, settings);
    }

    /// <summary>The numbers of an output, as the columns of ML.NET hold scores; keys keep their value.</summary>
    public static float[] Numbers(OrtValue output) => output.GetTensorTypeAndShape().ElementDataType switch
    {
        TensorElementType.Double => Array.ConvertAll(output.GetTensorDataAsSpan<double>().ToArray(), value => (float)value),
        TensorElementType.UInt32 => Array.ConvertAll(output.GetTensorDataAsSpan<uint>().ToArray(), value => (float)value),
        _ => output.GetTensorDataAsSpan<float>().ToArray(),
    };
}
