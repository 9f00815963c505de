using Microsoft.ML.OnnxRuntime;

namespace OnnxDeployment;

/// <summary>Opens files.</summary>
internal static class Sessions
{
    /// <summary>One thread: models of this size are not faster with more, and a server scores several requests at once.</summary>
    public static InferenceSession Open(string path)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        return new(path, options);
    }
}
