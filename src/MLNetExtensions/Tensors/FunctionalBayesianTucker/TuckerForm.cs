namespace MLNetExtensions.Tensors;

/// <summary>How the latent functions of the modes are combined.</summary>
public enum TuckerForm
{
    /// <summary>f(x) = Σ_r Π_k u^k_r(x_k): one product of functions for each of R components.</summary>
    Cp,

    /// <summary>f(x) = Σ G[r_1, …, r_K] Π_k u^k_{r_k}(x_k): every combination of functions, weighed by a core of Π_k R_k numbers.</summary>
    Tucker,
}
